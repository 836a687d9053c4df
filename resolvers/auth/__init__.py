"""Authentication: kept viewers, and the permissions of open connections."""
