"""People and machines: users, organizations, teams, passwords and tokens."""
