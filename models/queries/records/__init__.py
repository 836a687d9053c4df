"""Reads the lists of records other than tickets: jobs, views, macros, fields, policies."""
