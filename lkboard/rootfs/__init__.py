"""`Config` and images become a `Rootfs`, and a `Rootfs` becomes boot parts."""
