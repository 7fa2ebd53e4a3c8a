"""The nouns: frozen values without input or output, one noun per module.

Everything else in lkboard turns one of them into the next.
"""
