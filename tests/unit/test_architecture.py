"""Rules for the code that no linter checks."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    *("cli", "settings", "services"),
    *("models", "schema", "resolvers", "engine", "workers", "demo"),
)
TOP_LEVEL_MODULES = ("app", "background", "graphiql_page", "lifespan", "server", "web_routes")
SOURCE_FILES = sorted(
    [
        *(ROOT / f"{name}.py" for name in TOP_LEVEL_MODULES),
        *(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")),
    ]
)
MAX_LINES = 300
MAX_FILES_PER_FOLDER = 16
HTTP_CLIENTS = {"httpx2", "httpcore2", "http.client", "urllib.request", "aiohttp", "requests"}


def relative_name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), relative_name(path))


def test_no_folder_has_too_many_files() -> None:
    names = [path.parent for path in SOURCE_FILES if path.name != "__init__.py"]
    counts = {str(folder.relative_to(ROOT)): names.count(folder) for folder in set(names)}
    assert {name: count for name, count in counts.items() if count > MAX_FILES_PER_FOLDER} == {}


def test_only_the_settings_read_the_environment() -> None:
    """The settings read it through pydantic-settings. server.py only writes to it."""
    readers = {relative_name(path) for path in SOURCE_FILES if uses_environment(parse(path))}
    assert readers == {"server.py"}
    others = [path for path in SOURCE_FILES if path.parent.name != "settings"]
    assert "BaseSettings" not in {name for path in others for name in find_names(parse(path))}
    uses = [
        node
        for node in ast.walk(parse(ROOT / "server.py"))
        if isinstance(node, ast.Subscript) and is_environ(node.value)
    ]
    assert uses
    assert all(isinstance(node.ctx, ast.Store) for node in uses), (
        "server.py may pass settings to its worker processes, but not read the environment"
    )


def uses_environment(code: ast.Module) -> bool:
    return any(is_environ(node) or is_getenv(node) for node in ast.walk(code))


def is_environ(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom) and node.module == "os":
        return any(alias.name in ("environ", "getenv") for alias in node.names)
    return isinstance(node, ast.Attribute) and node.attr == "environ"


def is_getenv(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in ("getenv", "environb")


def find_names(code: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(code) if isinstance(node, ast.Name)}


WRITE_METHODS = ("update", "create", "bulk_create", "bulk_update")


def find_ticket_writes(code: ast.Module) -> list[int]:
    """The numbers of the lines that set a status or write a ticket."""
    return [
        node.lineno for node in ast.walk(code) if is_status_write(node) or is_ticket_write(node)
    ]


def is_status_write(node: ast.AST) -> bool:
    """Whether a node assigns an attribute `status` or passes `status` to update() or set()."""
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(
            isinstance(target, ast.Attribute) and target.attr == "status" for target in targets
        )
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        has_status = any(keyword.arg == "status" for keyword in node.keywords)
        return node.func.attr in ("update", "set") and has_status
    return False


def is_ticket_write(node: ast.AST) -> bool:
    """Whether a node writes tickets through the record class or in SQL."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return ast.unparse(node.func).startswith("Ticket.") and node.func.attr in WRITE_METHODS
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and "UPDATE tickets " in node.value
    return False


def test_only_changes_write_tickets() -> None:
    # demo/ fills an empty database with generated histories
    paths = [path for path in SOURCE_FILES if not relative_name(path).startswith("demo/")]
    writes = {relative_name(path): find_ticket_writes(parse(path)) for path in paths}
    writers = {name for name, lines in writes.items() if lines}
    # a TransitionRefused stores the ticket's status; SLA clocks, jobs of callers and deliveries
    # of webhooks have a status of their own
    other_statuses = {
        "models/tickets/lifecycle.py",
        "models/sla/clock_operations.py",
        "models/sla/state_machine.py",
        "models/bulk/ticket_run.py",
        "workers/caller_jobs.py",
        "workers/ticket_exports.py",
        "models/exports/completion.py",
        "models/exports/parts.py",
        "models/webhook_deliveries/replay.py",
        "models/webhook_deliveries/results.py",
    }
    assert writers - other_statuses == {"models/changes/change.py"}, writes


SQL_FUNCTIONS = {"fetch", "fetch_dicts", "fetch_each", "fetch_lookup", "fetch_readonly"}


def find_sql_calls(code: ast.Module) -> list[int]:
    """The numbers of the lines that call a function of `database` which takes SQL."""
    return [
        node.lineno
        for node in ast.walk(code)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in SQL_FUNCTIONS
        and ast.unparse(node.func.value) == "database"
    ]


def test_only_models_call_the_sql_functions() -> None:
    """Other packages read through Tortoise or through lazy queries (CONTRIBUTING, "Rules")."""
    calls = {relative_name(path): find_sql_calls(parse(path)) for path in SOURCE_FILES}
    outside = {name for name, lines in calls.items() if lines and not name.startswith("models/")}
    # it claims emails with SKIP LOCKED, which Tortoise can't express
    assert outside == {"workers/mail/attempts.py"}, calls
    assert calls["models/queries/tickets.py"], "the rule detects no SQL"


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
    assert find_ticket_writes(ast.parse(f"async def act():\n    {code}")) == [2]


IMPORT_PROGRAM = """
import socket, sys
import builtins, sqlite3, subprocess, threading
def forbidden(*_, **__):
    raise AssertionError("a module does I/O while it is imported")
class ForbiddenSocket(socket.socket):
    def __init__(self, *_, **__):
        forbidden()
socket.socket = ForbiddenSocket
socket.create_connection = forbidden
sqlite3.connect = forbidden
subprocess.Popen = forbidden
original_open = builtins.open
def open_for_reading(file, mode="r", *rest, **options):
    if set(mode) & set("wax+"):
        forbidden()
    return original_open(file, mode, *rest, **options)
builtins.open = open_for_reading
thread_count = threading.active_count()
import importlib
for name in sys.argv[1:]:
    importlib.import_module(name)
assert threading.active_count() == thread_count, "a module starts a thread while it is imported"
print(len(sys.argv) - 1)
"""


def test_importing_a_module_has_no_side_effects(tmp_path: Path) -> None:
    modules = [module_name(path) for path in SOURCE_FILES if path.name != "__main__.py"]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_PROGRAM, *modules],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(len(modules))
    assert list(tmp_path.iterdir()) == []


def test_no_installed_package_has_the_name_of_a_module() -> None:
    """Of two packages with one name, Python imports only one."""
    for name in (*PACKAGES, *TOP_LEVEL_MODULES, "migrations"):
        spec = importlib.util.find_spec(name)
        assert spec is not None, name
        locations = [spec.origin] if spec.origin else list(spec.submodule_search_locations or [])
        assert locations, name
        for location in locations:
            assert Path(location).is_relative_to(ROOT), (name, locations)
            assert ".venv" not in location, (name, locations)


def test_files_are_short() -> None:
    lengths = {relative_name(path): len(path.read_text().splitlines()) for path in SOURCE_FILES}
    too_long = {name: lines for name, lines in lengths.items() if lines > MAX_LINES}
    assert too_long == {}, f"split these files; the maximum is {MAX_LINES} lines"


def test_only_one_client_sends_http_requests_to_other_servers() -> None:
    """It checks each address. The client of obstore, for storage, sends only to the operator's, and
    `ticketwire follow` is a client of the server that its user names."""
    users = {relative_name(path) for path in SOURCE_FILES if imported(parse(path)) & HTTP_CLIENTS}
    outbound = {"models/outbound/connection.py", "models/outbound/http_client.py"}
    assert users == {*outbound, "cli/follow/api.py"}


def imported(code: ast.Module) -> set[str]:
    """The imported modules, also those within functions."""
    names: set[str] = set()
    for node in ast.walk(code):
        if isinstance(node, ast.Import):
            names.update(each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.add(node.module)
            names.update(f"{node.module}.{each.name}" for each in node.names)
    return names
