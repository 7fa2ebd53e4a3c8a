"""Reusable widgets without knowledge of the project."""
