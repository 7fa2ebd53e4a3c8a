"""What the OCI specifications write down: digests, media types, platforms, manifests and indexes."""
