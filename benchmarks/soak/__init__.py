"""A soak: hundreds of sockets and steady writes for a long time, while resources must stay flat."""
