"""Images: registry client, store, pull, push and flattening."""
