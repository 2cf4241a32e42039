"""Notes that everybody sees live."""
