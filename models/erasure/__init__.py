"""The erasure of a person: what is replaced, where, and the proof that nothing is left."""
