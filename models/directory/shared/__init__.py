"""Creates and changes saved views and macros, which a person, a team or everyone has."""
