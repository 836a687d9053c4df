"""Reads tickets and the event log: filters, lists, timelines, statistics and live lists."""
