"""`registry doctor`: what is asked of a registry to tell what is wrong with it."""
