"""Finds the target that `--to` names."""

from __future__ import annotations

from pathlib import Path

from cli.follow.errors import TargetError
from cli.follow.targets.base import Target
from cli.follow.targets.jsonl import JSONLTarget
from cli.follow.targets.postgres import PostgresTarget
from cli.follow.targets.sqlite import SQLiteTarget

SQLITE_PREFIX = "sqlite:///"
POSTGRES_PREFIXES = ("postgres://", "postgresql://")
JSONL = "jsonl"
DEFAULT_JSONL_PATH = Path("ticketwire.jsonl")
FORMS = "postgres://user@host/name, sqlite:///path, or jsonl:path"


def build_target(text: str) -> Target:
    """The target, which is not opened yet. Raises TargetError."""
    if text.startswith(SQLITE_PREFIX):
        path = text.removeprefix(SQLITE_PREFIX)
        if not path or path.startswith(":memory:"):
            raise TargetError("the target must name a file, such as sqlite:///mirror.db")
        return SQLiteTarget(Path(path))
    if text.startswith(POSTGRES_PREFIXES):
        return PostgresTarget(text)
    if text == JSONL or text.startswith(f"{JSONL}:"):
        path = text.removeprefix(JSONL).removeprefix(":")
        return JSONLTarget(Path(path) if path else DEFAULT_JSONL_PATH)
    # Not the text itself: it may have a password.
    raise TargetError(f"unknown target; use {FORMS}")
