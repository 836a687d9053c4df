"""Changes of people, organizations, teams and categories; every transaction locks first."""
