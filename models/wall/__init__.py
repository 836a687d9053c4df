"""Wallboards: the screens that staff have approved, and the pairings of screens that wait."""
