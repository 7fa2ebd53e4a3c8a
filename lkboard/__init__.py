"""lkboard: one YAML file and a set of container images become a bootable operating system for a board."""

__version__ = "0.1.0"
