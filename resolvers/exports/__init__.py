"""Exports: what each format contains, and how tickets are read through the API's own schema."""
