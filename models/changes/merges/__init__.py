"""Links between tickets, and merging."""
