"""Reads and validates the demo's TOML files in `demo/data`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

T = TypeVar("T")

FOLDER = Path(__file__).parent / "data"

EXACT_KEYS = ConfigDict(extra="forbid")
"""Configures a dataclass so that a table with an unknown key is an error."""

MESSAGES = {"missing": "missing key", "unexpected_keyword_argument": "unknown key"}


class DataFileError(ValueError):
    """A data file is not valid. The message names the file and each wrong entry."""


def read_data_file(name: str, adapter: TypeAdapter[T], folder: Path = FOLDER) -> T:
    """Read the file `name` of the folder into the adapter's type.

    Raises DataFileError if the file is not TOML in UTF-8, or has unknown keys, missing keys or
    wrong values.
    """
    path = folder / name
    try:
        return adapter.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataFileError(f"{path}: {error}") from error
    except ValidationError as error:
        raise DataFileError(f"{path}: {describe_errors(error)}") from error


def describe_errors(error: ValidationError) -> str:
    """Return one line with the entry and the problem of each error."""
    problems: list[str] = []
    for each in error.errors():
        entry = ".".join(str(part) for part in each["loc"])
        message = MESSAGES.get(each["type"], each["msg"].removeprefix("Value error, "))
        problems.append(f"{entry}: {message}")
    return "; ".join(problems)
