"""The starter kit: Debian packages become kernel, init, runc, dhcp, sshd and web images."""
