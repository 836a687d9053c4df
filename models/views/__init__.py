"""Saved views: named filters of tickets, with an order and columns."""
