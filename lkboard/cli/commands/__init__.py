"""One module per verb, each with a constant COMMAND. Adding a verb is adding a file here.

Modules import nothing heavy at the top: all of them are loaded for ``lkboard --help``.
"""
