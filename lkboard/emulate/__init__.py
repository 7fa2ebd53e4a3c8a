"""Run an image in QEMU and judge how far it boots."""
