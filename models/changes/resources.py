"""Changes the resources of a ticket: a pure function without I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from models.changes.change import TicketChange
from models.core.errors import InvalidInput, UserErrorCode
from models.core.hydration import new_record
from models.log.event import Json
from models.tickets.ticket import TicketResource

ResourceKey = tuple[str, str]
"""The kind and the external id of a resource."""


def change_resources(
    change: TicketChange,
    current: Sequence[TicketResource],
    added: Mapping[ResourceKey, str | None],
    removed: Collection[ResourceKey],
) -> dict[str, Json]:
    """Add and remove resources; returns `[before, after]` for the event, if they differ.

    `added` has their names. A name replaces that of a resource that the ticket has. A resource that
    is also in `removed` is removed. Raises InvalidInput.
    """
    before = serialize_resources(current)
    remaining: list[TicketResource] = []
    for resource in current:
        key = (resource.kind, resource.external_id)
        if key in removed:
            change.removed_resources.append(resource.id)
            continue
        remaining.append(resource)
        name = added.get(key)
        if name is not None and name != resource.name:
            resource.name = name
            change.renamed_resources.append(resource)
    present = {(resource.kind, resource.external_id) for resource in remaining}
    new = [key for key in added if key not in present and key not in removed]
    check_resource_count(change, len(remaining), len(new))
    for kind, external_id in new:
        name = added[kind, external_id]
        change.resources.append(
            new_record(
                TicketResource,
                ticket_id=change.ticket.id,
                kind=kind,
                external_id=external_id,
                name=name,
            )
        )
    after = serialize_resources([*remaining, *change.resources])
    return {} if before == after else {"resources": [before, after]}


def check_resource_count(change: TicketChange, remaining: int, new: int) -> None:
    max_resources = change.limits.max_resources_per_ticket
    if new and remaining + new > max_resources:
        message = (
            f"can leave at most {max_resources} resources; the ticket would have {remaining + new}"
        )
        raise InvalidInput(
            UserErrorCode.INVALID, message, "addResources", limit_name="ticket_resources"
        )


def serialize_resources(resources: Iterable[TicketResource]) -> list[Json]:
    """The resources in the form that events store."""
    return [
        {"kind": each.kind, "externalId": each.external_id, "name": each.name} for each in resources
    ]
