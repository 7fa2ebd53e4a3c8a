"""How much a document may ask of us. All limits are far above any real one; they end hostile ones early."""

MAX_BYTES = 4 << 20
"""Size of a text."""
MAX_DEPTH = 100
"""Lists and mappings inside of each other."""
MAX_VALUES = 200_000
"""Values of a document."""
MAX_ALIASED_VALUES = 50_000
"""Values that the aliases of a document stand for, all together."""
MAX_ERRORS = 100
"""Errors that are told of one file, and by the rules of configs; nobody mends more at once."""
