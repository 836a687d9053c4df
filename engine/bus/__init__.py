"""The wake-up signal that the log has grown, and the tail that reads the log."""
