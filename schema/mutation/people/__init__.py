"""The mutations of people, organizations, teams and their access."""
