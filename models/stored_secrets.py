"""Encrypts all stored secrets again with the first key, so that old keys can be removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models import database
from models.audit import storage
from models.audit.entry import Origin
from models.core.secrets import SecretStore, UndecryptableSecret
from models.people.second_factor import SecondFactor

BATCH_SECRETS = 200
"""How many secrets one transaction changes, because it holds SQLite's only write lock."""
ACTION = "secrets reencrypt"


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
    last = None
    while True:
        factors = SecondFactor.all() if last is None else SecondFactor.filter(id__gt=last)
        batch = await factors.order_by("id").limit(BATCH_SECRETS)
        if not batch:
            break
        await reencrypt_batch(batch, store, result)
        last = batch[-1].id
    if result.changed:
        changes = {"secrets": [None, result.changed]}
        await database.run_in_transaction(lambda: storage.write_action(Origin(ACTION), at, changes))
    return result


async def reencrypt_batch(
    batch: Sequence[SecondFactor], store: SecretStore, result: Reencryption
) -> None:
    replaced: list[tuple[SecondFactor, str]] = []
    for factor in batch:
        try:
            secret = store.reencrypt(factor.secret)
        except UndecryptableSecret:
            result.undecryptable += 1
            continue
        if secret is not None:
            replaced.append((factor, secret))
    result.total += len(batch)

    async def store_all() -> int:
        count = 0
        for factor, secret in replaced:
            # Not if the user has set up the second factor again since the secret was read.
            unchanged = SecondFactor.filter(id=factor.id, secret=factor.secret)
            count += await unchanged.update(secret=secret)
        return count

    if replaced:
        result.changed += await database.run_in_transaction(store_all)
