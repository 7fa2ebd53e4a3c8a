"""Layers: unpacked once, read as tar archives, flattened to one tree."""
