"""A data loader that several fields can wait for, and loaders of records by primary key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Generic, TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader
from tortoise.models import Model

MAX_KEYS_PER_STATEMENT = 5000  # both databases limit the parameters of a statement to some 32,000

K = TypeVar("K")
V = TypeVar("V")
M = TypeVar("M", bound=Model)


class ShieldedLoader(DataLoader[K, V]):
    """A data loader whose futures can't be cancelled by one of several waiting fields.

    All fields that load a key wait for the same future. If a field fails, graphql-core cancels its
    siblings. Without a shield, that would cancel the future for all other fields too.
    """

    def load(self, key: K) -> Awaitable[V]:
        return asyncio.shield(super().load(key))


def build_record_loader(model: type[M]) -> DataLoader[UUID, M | None]:
    """Build a loader of a model's records by their primary keys."""

    async def load(keys: list[UUID]) -> list[M | None]:
        records = {record.pk: record for record in await model.filter(pk__in=keys)}
        return [records.get(key) for key in keys]

    return ShieldedLoader(load, max_batch_size=MAX_KEYS_PER_STATEMENT)


class RecordLoader(Generic[M]):
    """A descriptor that creates a loader of a model's records at its first use."""

    def __init__(self, model: type[M]) -> None:
        self.model = model

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, loaders: object, owner: type) -> DataLoader[UUID, M | None]:
        loader = build_record_loader(self.model)
        vars(loaders)[self.name] = loader  # later accesses find the loader, not this descriptor
        return loader
