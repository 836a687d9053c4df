"""What the jobs of callers do: changes of many tickets, and their undoing."""
