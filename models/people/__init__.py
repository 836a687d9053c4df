"""Users, organizations, API clients, teams, passwords and tokens."""
