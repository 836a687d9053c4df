"""The committed pictures of the documents: few bytes, and each is shown somewhere."""

from __future__ import annotations

from support.service import ROOT

FOLDER = ROOT / "docs" / "pictures"
MAX_BYTES = 300 * 1024


def test_the_pictures_are_small_and_used() -> None:
    pictures = sorted(FOLDER.iterdir())
    assert pictures
    assert sum(each.stat().st_size for each in pictures) <= MAX_BYTES
    texts = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = "".join(each.read_text() for each in texts)
    assert [each.name for each in pictures if f"pictures/{each.name}" not in shown] == []
