"""Permissions, visibility, and the revision that says when they changed."""
