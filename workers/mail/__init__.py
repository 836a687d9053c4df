"""Emails: their contents and delivery. docs/email-templates.md explains how to change them."""
