"""What tests share: the service, clients of it, and people to act as."""

from support.client import Client, Refused, Socket
from support.service import Service
from support.world import World

__all__ = ["Client", "Refused", "Service", "Socket", "World"]
