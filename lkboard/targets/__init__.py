"""One file per place that an image can be written to, each with a constant TARGET."""
