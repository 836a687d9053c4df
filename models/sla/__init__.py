"""Service level agreements: calendars, policies, and the SLA clocks of tickets."""
