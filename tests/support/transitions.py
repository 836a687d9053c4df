"""The transition table that the API guarantees, written apart from the one in the product."""

from __future__ import annotations

TRANSITIONS: dict[str, dict[str, str]] = {
    "NEW": {
        "START": "OPEN",
        "AWAIT_CUSTOMER": "WAITING_ON_CUSTOMER",
        "HOLD": "ON_HOLD",
        "RESOLVE": "RESOLVED",
        "CLOSE": "CLOSED",
    },
    "OPEN": {
        "AWAIT_CUSTOMER": "WAITING_ON_CUSTOMER",
        "HOLD": "ON_HOLD",
        "RESOLVE": "RESOLVED",
        "CLOSE": "CLOSED",
    },
    "WAITING_ON_CUSTOMER": {
        "RESUME": "OPEN",
        "HOLD": "ON_HOLD",
        "RESOLVE": "RESOLVED",
        "CLOSE": "CLOSED",
    },
    "ON_HOLD": {
        "RESUME": "OPEN",
        "HOLD": "ON_HOLD",
        "AWAIT_CUSTOMER": "WAITING_ON_CUSTOMER",
        "RESOLVE": "RESOLVED",
        "CLOSE": "CLOSED",
    },
    "RESOLVED": {"CLOSE": "CLOSED", "REOPEN": "OPEN"},
    "CLOSED": {"REOPEN": "OPEN"},
}
"""For each status, its actions and the status that each leads to."""
