"""The built web applications, and a browser for their tests."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from support.missing_programs import skip_unless_in_ci
from support.programs import CHROMIUM

SCRIPT = Path(__file__).parents[2] / "web" / "build_web.py"
SOURCES = SCRIPT.parent / "src"
CHROMIUM_OPTIONS = ["--no-sandbox", "--disable-background-networking"]


def load_build() -> ModuleType:
    """The module web/build_web.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("build_web", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def require_built() -> None:
    """Skip the test if the applications are not built from the present sources; in CI, fail it."""
    build = load_build()
    if build.is_outdated(build.APPLICATIONS):
        skip_unless_in_ci(
            "the web applications are not built from the present sources: run make web"
        )


def require_graphiql() -> None:
    """Skip the test if GraphiQL is not built from the present sources; in CI, fail it."""
    build = load_build()
    if build.is_outdated(build.GRAPHIQL):
        skip_unless_in_ci("GraphiQL is not built from the present sources: run make graphiql")


def require_chromium() -> str:
    """The path of Chromium. Without it, skip the test; in CI, fail it."""
    if CHROMIUM is None:
        skip_unless_in_ci("Chromium is not installed")
    return CHROMIUM


def evaluate(module: str, expression: str, value: Any) -> Any:
    """The value of an expression over the module `m` and a `value`."""
    source = f"import * as m from {json.dumps((SOURCES / module).as_uri())};" + (
        f"const value = {json.dumps(value)};"
        f"process.stdout.write(JSON.stringify({expression}) ?? 'null');"
    )
    node = load_build().find_node()
    command = [node, "--disable-warning=ExperimentalWarning", "--input-type=module", "-"]
    found = subprocess.run(command, input=source.encode(), capture_output=True, check=True)
    return json.loads(found.stdout)
