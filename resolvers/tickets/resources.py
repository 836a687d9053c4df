"""Checks the resources in inputs of tickets: the things in other systems that a ticket is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from models.changes.resources import ResourceKey
from models.core import text
from models.core.errors import InvalidInput, UserErrorCode
from schema.inputs.tickets.tickets import TicketResourceInput

MAX_KIND_CHARS = 64
"""The maximum length of the kind of a resource."""


def resource_checks(
    resources: Sequence[TicketResourceInput], max_resources: int, *path: str
) -> list[Callable[[], object]]:
    """The checks of the resources of an input field, each of which may raise Refusal.

    They are functions, so that the resolver can run all of them and report every error.
    """
    checks: list[Callable[[], object]] = [
        partial(check_resource_count, len(resources), max_resources, *path)
    ]

    def add(value: str, name: str, max_chars: int) -> None:
        checks.append(partial(text.clean_text, value, *path, name, max_chars=max_chars))

    for resource in resources[:max_resources]:
        add(resource.kind, "kind", MAX_KIND_CHARS)
        add(resource.external_id, "externalId", text.MAX_EXTERNAL_ID_CHARS)
        if resource.name is not None:
            add(resource.name, "name", text.MAX_NAME_CHARS)
    return checks


def clean_resources(
    resources: Sequence[TicketResourceInput] | None, max_resources: int, *path: str
) -> dict[ResourceKey, str | None]:
    """The names of the resources by kind and external id. Raises InvalidInput."""
    for check in resource_checks(resources or (), max_resources, *path):
        check()
    return read_names(resources or ())


def read_names(resources: Sequence[TicketResourceInput]) -> dict[ResourceKey, str | None]:
    """The names of checked resources, each combination of kind and external id once."""
    names: dict[ResourceKey, str | None] = {}
    for resource in resources:
        name = resource.name.strip() if resource.name else None
        names[resource.kind.strip(), resource.external_id.strip()] = name
    return names


def check_resource_count(count: int, max_resources: int, *path: str) -> None:
    if count > max_resources:
        message = f"must have at most {max_resources} resources; it has {count}"
        raise InvalidInput(UserErrorCode.INVALID, message, *path, limit_name="ticket_resources")
