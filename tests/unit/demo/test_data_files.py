"""The demo's data files: which errors are found in them, and that the wheel contains them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from demo.data_files import FOLDER, DataFileError, read_data_file
from demo.texts.phrases import load_category_phrases, load_common_phrases
from demo.texts.topics import TOPICS_BY_NAME, load_alerts, load_topics
from demo.ticket_generator import CATEGORY_WEIGHTS

ROOT = Path(__file__).parents[3]
TOPIC = """
[double_charge]
subjects = ["Charged twice for {invoice}"]
description = "Please refund {amount}."
question = "When?"
answer = "On {date}."
finding = "Confirmed."
resolution = "Refunded."
tags = ["refund"]
resources = ["invoice"]
priority = "HIGH"
"""


def read_topic(folder: Path, content: str) -> object:
    (folder / "topics.toml").write_text(content, encoding="utf-8")
    return read_data_file("topics.toml", TOPICS_BY_NAME, folder)


def test_a_valid_topic_is_read(tmp_path: Path) -> None:
    assert read_topic(tmp_path, TOPIC)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("priority =", "prority =", "double_charge.prority: unknown key"),
        ('finding = "Confirmed."', "", "double_charge.finding: missing key"),
        ("{date}", "{day}", "double_charge.answer: unknown placeholder {day}"),
        ("for {invoice}", "for {}", "double_charge.subjects.0: unknown placeholder {}"),
        ("{amount}", "{amount", "double_charge.description: expected '}' before end of string"),
        ('"HIGH"', '"HIGHER"', "double_charge.priority: must be one of LOW, NORMAL, HIGH, URGENT"),
        ('["invoice"]', '["bill"]', "double_charge.resources.0: unknown kind of resource bill"),
        ('["Charged twice for {invoice}"]', "[]", "double_charge.subjects: Tuple should have"),
    ],
)
def test_an_error_names_the_file_and_the_entry(
    tmp_path: Path,
    old: str,
    new: str,
    message: str,
) -> None:
    assert old in TOPIC
    with pytest.raises(DataFileError) as error:
        read_topic(tmp_path, TOPIC.replace(old, new))
    assert str(error.value).startswith(f"{tmp_path / 'topics.toml'}: {message}")


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"topics\.toml: Expected"):
        read_topic(tmp_path, "[double_charge")


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "topics.toml").write_bytes("# Büro".encode("latin-1"))
    with pytest.raises(DataFileError, match=r"topics\.toml: .*utf-8"):
        read_data_file("topics.toml", TOPICS_BY_NAME, tmp_path)


def test_all_errors_of_a_file_are_reported(tmp_path: Path) -> None:
    (tmp_path / "numbers.toml").write_text('first = "x"\nsecond = "y"', encoding="utf-8")
    with pytest.raises(DataFileError, match=r"first: .*; second: "):
        read_data_file("numbers.toml", TypeAdapter(dict[str, int]), tmp_path)


def test_every_category_has_topics_and_phrases() -> None:
    assert load_topics().keys() == CATEGORY_WEIGHTS.keys()
    for category in CATEGORY_WEIGHTS:
        assert load_topics()[category]
        assert load_category_phrases(category).contexts
    assert load_alerts()
    assert {rating.score for rating in load_common_phrases().ratings} == {1, 2, 3, 4, 5}


def test_the_wheel_contains_every_data_file() -> None:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns: list[str] = project["tool"]["setuptools"]["package-data"]["demo"]
    packaged = {path for pattern in patterns for path in (ROOT / "demo").glob(pattern)}
    assert packaged == {path for path in FOLDER.rglob("*") if path.is_file()}
