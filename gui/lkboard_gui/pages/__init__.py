"""One module per page, each with a constant PAGE. Adding a page is adding a file here."""
