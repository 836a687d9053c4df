"""Each text of the applications exists in every language, with the same placeholders."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

WEB = Path(__file__).parents[3] / "web"
SETTINGS = json.loads((WEB / "project.inlang" / "settings.json").read_text())
PATHS = SETTINGS["plugin.inlang.messageFormat"]["pathPattern"]
BASE = SETTINGS["baseLocale"]
OTHERS = [locale for locale in SETTINGS["locales"] if locale != BASE]


def read(locale: str) -> dict[str, Any]:
    """All texts of a language. Each file holds the keys that begin with its own name."""
    found: dict[str, Any] = {}
    for pattern in PATHS:
        path = WEB / pattern.replace("{locale}", locale)
        texts = json.loads(path.read_text())
        assert all(key.startswith(f"{path.stem}_") for key in texts), path
        found |= texts
    return found


def placeholders_of(text: Any) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", json.dumps(text)))


@pytest.mark.parametrize("locale", OTHERS)
def test_a_language_has_every_text_with_the_same_placeholders(locale: str) -> None:
    base, own = read(BASE), read(locale)
    assert own.keys() == base.keys()
    assert {key: placeholders_of(own[key]) for key in base} == {
        key: placeholders_of(base[key]) for key in base
    }


def test_every_text_is_used() -> None:
    sources = [*(WEB / "src").rglob("*.svelte"), *(WEB / "src").rglob("*.ts")]
    used = set()
    for path in sources:
        if "generated" not in path.parts:
            used |= set(re.findall(r"\bm\.(\w+)", path.read_text()))
    assert read(BASE).keys() == used


def test_the_page_knows_the_same_languages_in_the_same_order() -> None:
    """A text is chosen by its place among the languages."""
    source = (WEB / "src" / "shared" / "locale.ts").read_text()
    assert f"locales = {json.dumps(SETTINGS['locales'])} as const" in source
