"""Changes of the people of a ticket: requester, participants and watchers."""
