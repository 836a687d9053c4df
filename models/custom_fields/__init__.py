"""Custom fields: their definitions, and the values that tickets have for them."""
