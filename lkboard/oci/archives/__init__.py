"""Images as files: archives and folders in and out, and what a container engine hands over."""
