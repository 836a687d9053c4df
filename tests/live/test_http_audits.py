"""The public audits of GraphQL over HTTP, run against the server."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from support import Service
from support.client_program import run_client_program

pytestmark = pytest.mark.node

FOLDER = Path(__file__).parent / "node"


async def test_every_audit_passes(node: str, service: Service) -> None:
    """Includes the MAY audits.

    Each GET has X-Requested-With, because the server refuses a GET without a header that forces a
    preflight.
    """
    async with run_client_program(node, "audits.mjs", service.http, folder=FOLDER) as program:
        await program.until(lambda: bool(program.values("done")))
    audits = program.values("audit")
    assert [audit for audit in audits if audit["status"] != "ok"] == []
    counts = Counter(audit["name"].split()[0] for audit in audits)
    assert counts["MUST"] >= 13
    assert counts["SHOULD"] >= 20
    assert len({audit["id"] for audit in audits}) == len(audits)
