"""TCP ports on the loopback interface that no other process can take before the server listens."""

from __future__ import annotations

import socket

_reserved: list[socket.socket] = []
"""Open until the process ends.

A bound socket that does not listen refuses connections, but a server with SO_REUSEADDR, which all
our servers set, can listen on its port.
"""


def reserve_port() -> int:
    """A free port, reserved for this process and its children."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    _reserved.append(holder)
    return int(holder.getsockname()[1])


def listening_socket() -> socket.socket:
    """A socket that is bound to a free port, for a server in this process."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", 0))
    return bound
