"""Believable sample data for the first start and for benchmarks."""
