"""The examples of docs/sync.md, run as a reader would run them."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest
from support.examples import Document, Reader
from support.mirrors import SCOPES, read_rows
from support.missing_programs import skip_unless_in_ci
from support.service import ROOT, start

from cli.follow.tables import TABLES

pytestmark = pytest.mark.never_retried


async def test_every_example_of_the_sync_guide_works(empty_url: str, tmp_path: Path) -> None:
    if not (shutil.which("curl") and shutil.which("bash")):
        skip_unless_in_ci("curl or bash is not installed")
    demo = await start(empty_url, None, "--demo")
    try:
        guide = Document("docs/sync.md")
        reader = Reader(demo, Document("README.md"))

        def example(part: str) -> str:
            return guide.example("sh", part).replace("data/", f"{tmp_path}/")

        create = example("token create")
        assert f"--scopes {','.join(SCOPES)} " in create
        await reader.run(create)
        token = tmp_path / "follow.token"
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        await reader.run(example("follow --server"))
        rows = await read_rows(f"sqlite:///{tmp_path}/mirror.db")
        assert all(rows[table.name] for table in TABLES)
        lines = await reader.run(example("SELECT tickets.ref"))
        assert [line.partition(" ")[0] for line in lines] == sorted(
            (each["ref"] for each in rows["tickets"].values()), reverse=True
        )[:3]
        assert guide.unused == []
    finally:
        demo.kill()


def test_the_sync_guide_names_all_tables() -> None:
    text = (ROOT / "docs/sync.md").read_text()
    assert all(f"`{table.name}`" in text for table in TABLES)
