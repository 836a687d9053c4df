"""Which columns hold personal text, and how it is removed."""
