"""The registry client: resolve, pull, push."""
