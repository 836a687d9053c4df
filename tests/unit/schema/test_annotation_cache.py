"""Annotations without a namespace are evaluated once, with the results that Strawberry has."""

from __future__ import annotations

from typing import Any

import pytest
from strawberry.annotation import StrawberryAnnotation

from schema import annotation_cache


@pytest.mark.parametrize("text", ["int", "list[str]", "int | None", "'str'", "None"])
def test_known_names_have_strawberrys_types(text: str) -> None:
    for _ in range(2):
        found: Any = StrawberryAnnotation(text).evaluate()
        assert found == annotation_cache.evaluate_uncached(StrawberryAnnotation(text))


@pytest.mark.parametrize("text", ["Ticket", "list[Ticket]", "Ticket | None"])
def test_unknown_names_are_errors_until_there_is_a_namespace(text: str) -> None:
    for _ in range(2):
        with pytest.raises(NameError, match="Ticket"):
            StrawberryAnnotation(text).evaluate()
    found: Any = StrawberryAnnotation(text, namespace={"Ticket": int}).evaluate()
    assert found == eval(text, {"Ticket": int})


def test_a_failed_text_is_evaluated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []

    def count(annotation: StrawberryAnnotation) -> type:
        calls.append(annotation.raw_annotation)
        raise NameError("name 'Unknown' is not defined")

    monkeypatch.setattr(annotation_cache, "evaluate_uncached", count)
    annotation_cache.evaluate_without_namespace.cache_clear()
    for _ in range(3):
        with pytest.raises(NameError):
            StrawberryAnnotation("Unknown").evaluate()
    annotation_cache.evaluate_without_namespace.cache_clear()
    assert calls == ["Unknown"]
