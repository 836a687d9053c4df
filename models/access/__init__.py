"""Permissions, visibility, and the revision that rises when they change."""
