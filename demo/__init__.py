"""Believable data: what the first start shows, and as much of it as a benchmark needs. Imports models alone."""
