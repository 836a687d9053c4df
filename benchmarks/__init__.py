"""Benchmarks: us and a peer in turn, in one run, over the same data; ratios are what counts."""
