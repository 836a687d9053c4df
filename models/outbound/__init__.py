"""Requests to URLs that people or the configuration name: to permitted addresses only."""
