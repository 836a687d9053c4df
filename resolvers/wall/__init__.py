"""Wallboards: the root fields for staff, and the endpoints of the screens."""
