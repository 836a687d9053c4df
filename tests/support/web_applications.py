"""The built web applications, and a browser for their tests."""

from __future__ import annotations

import graphiql_page
import web_routes
from support.missing import missing
from support.programs import CHROMIUM

CHROMIUM_OPTIONS = ["--no-sandbox", "--disable-background-networking"]


def require_built() -> None:
    """Skip the test if the applications are not built; in CI, fail it."""
    if web_routes.find_missing_applications():
        missing("the web applications are not built: run make web")


def require_graphiql() -> None:
    """Skip the test if GraphiQL is not built; in CI, fail it."""
    if not (graphiql_page.FOLDER / "dist" / "index.html").is_file():
        missing("GraphiQL is not built: run make graphiql")


def require_chromium() -> str:
    """The path of Chromium. Without it, skip the test; in CI, fail it."""
    if CHROMIUM is None:
        missing("Chromium is not installed")
    return CHROMIUM
