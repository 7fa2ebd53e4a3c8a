"""Debian packages through apt, without touching the host's own apt (boot.md section 5).

`host` reads where the host gets its packages from, `private` runs apt with a state of its own, `archive` opens a
package file, `packages` ties them together and keeps package files in the store.
"""
