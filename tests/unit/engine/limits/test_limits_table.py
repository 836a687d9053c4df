"""The table of limits names settings and files that exist."""

from __future__ import annotations

import re
from pathlib import Path

from engine import limits
from settings.application import Settings

ROOT = Path(__file__).parents[4]


def test_the_table_of_limits_names_existing_settings_and_files() -> None:
    table = limits.__doc__ or ""
    files = set(re.findall(r"\b[\w/]+\.py\b", table))
    names = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", table.replace("connection_init ", "")))
    assert {file for file in files if not (ROOT / file).exists()} == set()
    settings = {name for name in names if not any(name in file for file in files)}
    assert settings - set(Settings.model_fields) == set()
    limiting = {name for name in Settings.model_fields if name.startswith("max_")}
    assert limiting - settings == set()
