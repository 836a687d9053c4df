"""Users, their accounts and sessions, organizations, teams and API clients."""
