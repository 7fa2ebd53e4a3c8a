"""What tests share: images, registries, machines."""
