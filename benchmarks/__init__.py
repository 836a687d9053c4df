"""Benchmarks. Ticketwire and its peers are measured in one run over the same data; compare ratios.

Absolute figures depend on the machine and its load.
"""
