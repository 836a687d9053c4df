"""The table of limits names settings and files that exist, and shows the settings' defaults."""

from __future__ import annotations

import re
from pathlib import Path

from engine import limits
from settings.application import Settings

ROOT = Path(__file__).parents[4]
UNITS = {"": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


def test_the_table_of_limits_names_existing_settings_and_files() -> None:
    table = limits.__doc__ or ""
    files = set(re.findall(r"\b[\w/]+\.py\b", table))
    names = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", table.replace("connection_init ", "")))
    assert {file for file in files if not (ROOT / file).exists()} == set()
    settings = {name for name in names if not any(name in file for file in files)}
    assert settings - set(Settings.model_fields) == set()
    limiting = {name for name in Settings.model_fields if name.startswith("max_")}
    assert limiting - settings == set()


def test_the_table_of_limits_shows_the_defaults_of_settings() -> None:
    """Some settings have several rows, of which the others show values derived from them."""
    table = limits.__doc__ or ""
    for name in re.findall(r"\b(?:max|min|job|export|draft|retention|cost)_[a-z_]+\b", table):
        if name not in Settings.model_fields:
            continue
        shown = re.findall(rf"([\d,]+)(?: ([KMG]iB))?(?:; [\d,]+| or more)? +{name}\b", table)
        values = [int(number.replace(",", "")) * UNITS[unit] for number, unit in shown]
        default = Settings.model_fields[name].default
        assert any(abs(value - default) <= 1 for value in values), (name, default, shown)
