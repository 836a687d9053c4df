"""What a browser loads for each web application stays within its budget."""

from __future__ import annotations

import re

import pytest
from support.web_applications import require_built

import web_routes

BUDGETS_KIB = {"desk": 150, "portal": 60, "sign-in": 30, "wall": 25, "admin": 60}
"""What an application loads for its first page: the portal loads further pages when they open."""
WHOLE_BUDGETS_KIB = {"desk": 208, "portal": 104, "sign-in": 40, "wall": 25, "admin": 84}
"""What an application loads if a person opens all of its pages, or must set up a second factor."""
STATIC = re.compile(r'(?:from|src=|href=|import)\s*"(?:/assets/|\./)([\w.-]+\.(?:js|css|svg))"')
ANY = re.compile(r'["`](?:/assets/|assets/|\./)([\w.-]+\.(?:js|css|svg))["`]')


def list_files(application: str, reference: re.Pattern[str]) -> set[str]:
    """The files that an application loads, by the names in its page and in these files."""
    assets, found = web_routes.DIST / "assets", set[str]()
    pending = reference.findall((web_routes.DIST / f"{application}.html").read_text())
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += reference.findall((assets / name).read_text())
    return found


@pytest.mark.parametrize("application", BUDGETS_KIB)
def test_an_application_is_small_enough(application: str) -> None:
    require_built()
    first, whole = list_files(application, STATIC), list_files(application, ANY)
    assert any(name.endswith(".js") for name in first)
    assert any(name.endswith(".css") for name in first)
    assert first <= whole
    assert sum(map(size_of, first)) <= BUDGETS_KIB[application] * 1024
    assert sum(map(size_of, whole)) <= WHOLE_BUDGETS_KIB[application] * 1024


def size_of(name: str) -> int:
    return (web_routes.DIST / "assets" / f"{name}.gz").stat().st_size


@pytest.mark.parametrize(
    ("application", "page"),
    [("portal", "TicketPage-"), ("desk", "WebhooksPage-"), ("desk", "ReportsPage-")],
)
def test_pages_that_load_later_count_as_a_whole(application: str, page: str) -> None:
    require_built()
    later = list_files(application, ANY) - list_files(application, STATIC)
    assert any(name.startswith(page) for name in later)


def test_every_application_has_a_budget() -> None:
    require_built()
    assert {path.stem for path in web_routes.DIST.glob("*.html")} == BUDGETS_KIB.keys()
