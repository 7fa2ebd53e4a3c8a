"""Use cases, one module each: what the command line and the window both call."""
