"""Attacks that try to slow down or break a server, and their effect on another client.

`python -m benchmarks attacks` measures the effect; tests/live checks that each attack is answered.
"""
