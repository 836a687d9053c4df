"""The inputs of queries and mutations of tickets."""
