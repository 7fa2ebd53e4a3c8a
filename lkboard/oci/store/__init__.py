"""The local OCI layout: blobs, images by name, what is held, kept and thrown away."""
