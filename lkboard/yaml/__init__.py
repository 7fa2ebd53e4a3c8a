"""YAML: texts to nodes that know their place, by the rules of the parser that LinuxKit uses, and values to text."""
