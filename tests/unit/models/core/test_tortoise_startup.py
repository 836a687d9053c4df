"""Tortoise defines models without a search for comments in their source."""

from __future__ import annotations

import inspect

import pytest
from tortoise import fields
from tortoise.models import Model


def test_a_model_is_defined_without_reading_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> str:
        raise AssertionError("the source was read")

    monkeypatch.setattr(inspect, "getsource", fail)

    class Example(Model):
        id = fields.IntField(primary_key=True)

        class Meta:
            abstract = True

    assert set(Example._meta.fields_map) == {"id"}  # pyright: ignore[reportPrivateUsage]
