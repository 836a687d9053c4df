"""The demo's macros: each can be applied to a new ticket."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import Service, World
from support.admin_mutations import run_mutation
from support.macros import apply_macro

from demo.custom_fields import create_custom_fields
from demo.data_files import DataFileError
from demo.macros import create_macros, load_macros
from models.core.time import now

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
]


async def test_each_macro_of_the_demo_can_be_applied_and_saved_again(
    service: Service, world: World
) -> None:
    cora, root = service.client(world.cora.token), service.client(world.root.token)
    await create_custom_fields(now())
    await create_macros(now())
    nodes = (await root.run("{ macros(allTeams: true) { nodes { id name text } } }"))["macros"]
    macros = nodes["nodes"]
    assert sorted(each["name"] for each in macros) == sorted(each.name for each in load_macros())
    for macro in macros:
        ticket = await cora.raise_ticket()
        payload = await apply_macro(root, macro["id"], ticket["id"])
        assert payload["userErrors"] == [], macro["name"]
        assert (payload["reply"] is None) == (macro["text"] is None)
        assert payload["event"] is not None
        saved = await run_mutation(root, "updateMacro", macroId=macro["id"], text=macro["text"])
        assert saved["version"] == 1, "it is valid and unchanged"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ('name = "M"\ntext = "{{nobody}}"', "unknown placeholders"),
        ('name = "M"\nstatus_action = "OPEN"', "must be one of START"),
        ('name = "M"\nmood = "good"', "unknown key"),
    ],
)
def test_errors_in_the_data_file_are_reported(tmp_path: Path, content: str, error: str) -> None:
    (tmp_path / "macros.toml").write_text(f"[[macros]]\n{content}", encoding="utf-8")
    with pytest.raises(DataFileError, match=error):
        load_macros(tmp_path)
