"""Where the files of a board come from, one file per kind of source; each gives verified bytes in the store."""
