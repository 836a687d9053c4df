"""Lists of users, organizations, teams and API clients."""
