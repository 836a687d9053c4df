"""Helpers of tests: the service, its clients, and people to act as."""

from support.actors import World
from support.client import Client, Refused, Socket
from support.service import Service

__all__ = ["Client", "Refused", "Service", "Socket", "World"]
