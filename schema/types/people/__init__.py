"""The types of people, organizations, teams, sessions and tokens."""
