"""Custom fields in the files of exports."""

from __future__ import annotations

import json

from support import Client, Service, World
from support.custom_fields import ALL_VALUES, define, define_all, set_values
from support.exports import export, parse_csv, parse_lines

from workers.ticket_exports import TicketExports

EXPECTED = {
    "note": "Rack 7",
    "seats": 12.5,
    "urgent": False,
    "due": "2026-02-28",
    "region": ["us"],
    "products": ["dns", "mail"],
}


async def test_both_formats_have_the_values_that_the_starter_sees(
    service: Service, world: World, ada: Client, cora: Client, worker: TicketExports
) -> None:
    root = service.client(world.root.token)
    await define_all(root)
    await define(root, "secret", customerAccess="HIDDEN")
    ticket = await cora.raise_ticket()
    await set_values(ada, ticket["id"], *ALL_VALUES, {"key": "secret", "text": "hidden"})
    for client, secret in ((ada, {"secret": "hidden"}), (cora, {})):
        (row,) = parse_csv(await export(client, worker, format="CSV"))
        assert json.loads(row["customFields"]) == {**EXPECTED, **secret}
        (line,) = parse_lines(await export(client, worker))
        exported = {each["field"]["key"] for each in line["customFields"]}
        assert exported == {*EXPECTED, *secret}
        assert ("hidden" in json.dumps(line)) is bool(secret)


async def test_a_ticket_without_values_has_an_empty_cell(
    cora: Client, worker: TicketExports
) -> None:
    await cora.raise_ticket()
    (row,) = parse_csv(await export(cora, worker, format="CSV"))
    assert row["customFields"] == ""
