"""Exports of tickets: their creation, their parts and files, and what redactions do to them."""
