"""Rules of the code base that no linter checks."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("models", "schema", "resolvers", "engine", "workers", "demo")
SINGLE = ("app", "background", "cli", "lifespan", "server", "services", "settings")
OURS = sorted(
    path
    for path in [*(ROOT / f"{name}.py" for name in SINGLE), *(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))]
)
LONG = 300
TOO_LONG: set[str] = set()
"""Grown beyond it before there was this test; the list only shrinks."""


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), named(path))


def test_only_the_settings_read_the_environment() -> None:
    reads = {named(path) for path in OURS if touches_environment(tree(path))}
    assert reads == {"server.py"}, "settings.py reads it through pydantic-settings; server.py hands on to its worker processes"
    assert "BaseSettings" not in {name for path in OURS if path.name != "settings.py" for name in names(tree(path))}
    written = [node for node in ast.walk(tree(ROOT / "server.py")) if isinstance(node, ast.Subscript) and is_environ(node.value)]
    assert written
    assert all(isinstance(node.ctx, ast.Store) for node in written), "server.py hands on, and reads nothing"


def touches_environment(code: ast.Module) -> bool:
    return any(
        is_environ(node) or (isinstance(node, ast.Attribute) and node.attr in ("getenv", "environb")) for node in ast.walk(code)
    )


def is_environ(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom) and node.module == "os":
        return any(each.name in ("environ", "getenv") for each in node.names)
    return isinstance(node, ast.Attribute) and node.attr == "environ"


def names(code: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(code) if isinstance(node, ast.Name)}


WRITES = ("update", "create", "bulk_create", "bulk_update")


def writes_of_tickets(code: ast.Module) -> list[int]:
    """Lines that give a status, or write a ticket past its verbs."""
    found: list[int] = []
    for node in ast.walk(code):
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Attribute) and target.attr == "status" for target in targets):
                found.append(node.lineno)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            gives = node.func.attr in ("update", "set") and any(given.arg == "status" for given in node.keywords)
            chain = ast.unparse(node.func)
            if gives or (chain.startswith("Ticket.") and chain.rpartition(".")[2] in WRITES):
                found.append(node.lineno)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "UPDATE tickets " in node.value:
            found.append(node.lineno)
    return found


def test_only_changes_write_tickets() -> None:
    # demo/ fills an empty database with histories of its own making
    rooms = [path for path in OURS if not named(path).startswith("demo/")]
    found = {named(path): lines for path in rooms if (lines := writes_of_tickets(tree(path)))}
    # a TransitionRefused keeps the status that it tells of, and clocks have one of their own
    others = {
        "models/tickets/lifecycle.py",
        "models/sla/clock_operations.py",
        "models/sla/state_machine.py",
    }
    assert set(found) - others == {"models/changes/change.py"}, found


@pytest.mark.parametrize(
    "code",
    [
        "ticket.status = Status.OPEN",
        "await Ticket.filter(id=key).update(status=Status.OPEN)",
        "await Ticket.filter(id=key).update(subject='x')",
        "await Ticket.create(number=1)",
        "await rows('UPDATE tickets SET status = ?', [status])",
    ],
)
def test_the_rule_about_tickets_detects_writes(code: str) -> None:
    assert writes_of_tickets(ast.parse(f"async def act():\n    {code}")) == [2]


IMPORTING = """
import socket, sys
import builtins, sqlite3, subprocess, threading
def forbidden(*_, **__):
    raise AssertionError("a module does I/O while it is imported")
class Closed(socket.socket):
    def __init__(self, *_, **__):
        forbidden()
socket.socket = Closed
socket.create_connection = forbidden
sqlite3.connect = forbidden
subprocess.Popen = forbidden
opened = builtins.open
def reading(file, mode="r", *rest, **named):
    if set(mode) & set("wax+"):
        forbidden()
    return opened(file, mode, *rest, **named)
builtins.open = reading
threads = threading.active_count()
import importlib
for name in sys.argv[1:]:
    importlib.import_module(name)
assert threading.active_count() == threads, "a module starts a thread while it is imported"
print(len(sys.argv) - 1)
"""


def test_importing_a_module_has_no_side_effects(tmp_path: Path) -> None:
    modules = [module(path) for path in OURS if path.name != "__main__.py"]
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING, *modules],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(len(modules))
    assert list(tmp_path.iterdir()) == []


def test_no_installed_package_has_the_name_of_a_module() -> None:
    """A package of the same name that is installed would be imported, or import ours."""
    for name in (*ROOMS, *SINGLE, "migrations"):
        found = importlib.util.find_spec(name)
        assert found is not None, name
        places = [found.origin] if found.origin else list(found.submodule_search_locations or [])
        assert places, name
        assert all(Path(str(place)).is_relative_to(ROOT) and ".venv" not in str(place) for place in places), (name, places)


def test_files_are_short() -> None:
    lengths = {named(path): len(path.read_text().splitlines()) for path in OURS}
    assert {name for name, lines in lengths.items() if lines > LONG} <= TOO_LONG, "split what grew by noun"
    assert max(lengths.values()) <= LONG * 4 // 3
