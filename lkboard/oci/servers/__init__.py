"""Which servers stand for a registry, and with what names, certificates and settings they are reached."""
