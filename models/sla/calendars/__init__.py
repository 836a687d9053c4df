"""Working hours and time zones."""
