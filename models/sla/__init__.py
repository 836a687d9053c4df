"""What is promised and by when: calendars, policies, clocks."""
