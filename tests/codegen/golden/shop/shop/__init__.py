"""A shop that uses everything that generated code has to say."""
