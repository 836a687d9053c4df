"""Services of the process that resolvers share, for example caches and live counts."""
