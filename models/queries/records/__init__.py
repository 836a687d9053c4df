"""Reads the lists of records that are no tickets: jobs, views, macros, fields, policies."""
