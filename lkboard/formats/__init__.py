"""One file per output format, each with a constant FORMAT."""
