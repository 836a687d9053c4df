"""How the cost of pages grows with the number of tickets."""
