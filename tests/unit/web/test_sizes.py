"""What a browser loads for each web application stays within its budget."""

from __future__ import annotations

import re

import pytest
from support.web_applications import require_built

import web_routes

BUDGETS_KIB = {"desk": 150, "portal": 60, "sign-in": 30}
REFERENCE = re.compile(r'"(?:/assets/|\./)([\w.-]+\.(?:js|css|svg))"')


def list_files(application: str) -> set[str]:
    """The files that an application may load, by the names in its page and in these files."""
    assets, found = web_routes.DIST / "assets", set[str]()
    pending = REFERENCE.findall((web_routes.DIST / f"{application}.html").read_text())
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += REFERENCE.findall((assets / name).read_text())
    return found


@pytest.mark.parametrize("application", BUDGETS_KIB)
def test_an_application_is_small_enough(application: str) -> None:
    require_built()
    files = list_files(application)
    assert any(name.endswith(".js") for name in files)
    assert any(name.endswith(".css") for name in files)
    sizes = [(web_routes.DIST / "assets" / f"{name}.gz").stat().st_size for name in files]
    assert sum(sizes) <= BUDGETS_KIB[application] * 1024


def test_every_application_has_a_budget() -> None:
    require_built()
    assert {path.stem for path in web_routes.DIST.glob("*.html")} == BUDGETS_KIB.keys()
