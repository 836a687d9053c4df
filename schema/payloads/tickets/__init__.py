"""The payloads of mutations of tickets."""
