"""Compiles a TicketFilter to SQL, and to a function that tests one ticket in memory."""
