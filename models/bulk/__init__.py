"""What the jobs of viewers do: changes of many tickets, and their undoing."""
