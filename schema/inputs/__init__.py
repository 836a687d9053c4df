"""The inputs of the mutations, one file per domain."""
