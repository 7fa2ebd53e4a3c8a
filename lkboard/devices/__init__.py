"""What is plugged in, and whether it may be written."""
