"""Text to `Config`: YAML with positions, the schema, merging, and every rule that makes a config wrong."""
