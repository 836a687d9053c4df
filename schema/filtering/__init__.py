"""The filters of lists, and their conversion to conditions."""
