"""The time and the memory of exports."""
