"""The inputs of mutations of people, organizations, teams and their access."""
