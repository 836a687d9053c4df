"""Encrypts all stored secrets again with the first key, so that old keys can be removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from tortoise.models import Model

from models import database
from models.audit import storage
from models.audit.entry import Origin
from models.core.secrets import SecretStore, UndecryptableSecret
from models.people.second_factor import SecondFactor
from models.webhooks.webhook import Webhook

BATCH_SECRETS = 200
"""How many secrets one transaction changes, because it holds SQLite's only write lock."""
ACTION = "secrets reencrypt"
SECRETS: Sequence[tuple[type[Model], str]] = (
    (SecondFactor, "secret"),
    (Webhook, "secret"),
    (Webhook, "previous_secret"),
)
"""The columns of encrypted secrets."""


@dataclass
class Reencryption:
    """Counts of secrets: all, re-encrypted, undecryptable."""

    total: int = 0
    changed: int = 0
    undecryptable: int = 0


async def reencrypt(store: SecretStore, at: datetime) -> Reencryption:
    """Re-encrypt secrets that were not encrypted with the newest key. Idempotent.

    Secrets that no key decrypts stay as they are. Raises InvalidInput NOT_ENABLED without a key.
    """
    store.load_cipher()  # fails early without a key
    result = Reencryption()
    for model, column in SECRETS:
        await reencrypt_column(model, column, store, result)
    if result.changed:
        changes = {"secrets": [None, result.changed]}
        await database.run_in_transaction(lambda: storage.write_action(Origin(ACTION), at, changes))
    return result


async def reencrypt_column(
    model: type[Model], column: str, store: SecretStore, result: Reencryption
) -> None:
    last = None
    while True:
        records = model.filter(**{f"{column}__isnull": False})
        records = records if last is None else records.filter(id__gt=last)
        batch = await records.order_by("id").limit(BATCH_SECRETS)
        if not batch:
            break
        await reencrypt_batch(batch, column, store, result)
        last = batch[-1].pk


async def reencrypt_batch(
    batch: Sequence[Model], column: str, store: SecretStore, result: Reencryption
) -> None:
    replaced: list[tuple[Model, str, str]] = []
    for record in batch:
        stored = cast("str", getattr(record, column))
        try:
            secret = store.reencrypt(stored)
        except UndecryptableSecret:
            result.undecryptable += 1
            continue
        if secret is not None:
            replaced.append((record, stored, secret))
    result.total += len(batch)

    async def store_all() -> int:
        count = 0
        for record, stored, secret in replaced:
            # Not if the secret was replaced since it was read.
            unchanged = type(record).filter(**{"id": record.pk, column: stored})
            count += await unchanged.update(**{column: secret})
        return count

    if replaced:
        result.changed += await database.run_in_transaction(store_all)
