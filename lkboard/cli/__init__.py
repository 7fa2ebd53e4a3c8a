"""The command line: arguments in, events and results out. All work is in `lkboard.app`."""
