"""Authentication: the cache of viewers, and the permissions of open connections."""
