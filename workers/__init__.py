"""Background jobs: they follow the log and the clock, and change tickets only through commands."""
