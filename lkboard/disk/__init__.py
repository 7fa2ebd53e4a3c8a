"""Byte-level writers. Each plans an `ExtentMap` from frozen values; only `output` and `content` touch files."""
