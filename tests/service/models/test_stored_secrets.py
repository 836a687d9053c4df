"""`secrets reencrypt`: after a rotation of keys, stored secrets need the old key no longer."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from support.cli_process import CliResult, run_cli
from support.ticket_factory import NOON

from models import database, stored_secrets
from models.audit.entry import AuditEntry
from models.core.errors import InvalidInput
from models.core.secrets import SecretStore, UndecryptableSecret
from models.people.second_factor import SecondFactor
from models.people.user import User
from models.stored_secrets import Reencryption, reencrypt
from models.webhooks.webhook import Webhook

OLD, NEW, LOST = [Fernet.generate_key().decode() for _ in range(3)]


async def add_secret(name: str, key: str) -> SecondFactor:
    user = await User.create(email=f"{name}@example.com", display_name=name)
    secret = SecretStore([key]).encrypt(f"secret of {name}")
    return await SecondFactor.create(user=user, secret=secret, created_at=NOON)


async def read_secrets(key: str) -> set[str]:
    return {SecretStore([key]).decrypt(each.secret) for each in await SecondFactor.all()}


@pytest.mark.usefixtures("database")
async def test_secrets_are_encrypted_with_the_new_key_in_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stored_secrets, "BATCH_SECRETS", 2)
    names = [f"n{number}" for number in range(5)]
    for name in names:
        await add_secret(name, OLD)
    current = await add_secret("current", NEW)
    store = SecretStore([NEW, OLD])
    assert await reencrypt(store, NOON) == Reencryption(total=6, changed=5)
    expected = {f"secret of {name}" for name in (*names, "current")}
    assert await read_secrets(NEW) == expected
    assert (await SecondFactor.get(id=current.id)).secret == current.secret
    before = {each.id: each.secret for each in await SecondFactor.all()}
    assert await reencrypt(store, NOON) == Reencryption(total=6)
    assert {each.id: each.secret for each in await SecondFactor.all()} == before
    (entry,) = await AuditEntry.all()
    assert (entry.action, entry.changes) == ("secrets reencrypt", {"secrets": [None, 5]})


@pytest.mark.usefixtures("database")
async def test_a_secret_that_no_key_decrypts_stays_as_it_is() -> None:
    lost = await add_secret("lost", LOST)
    await add_secret("old", OLD)
    found = await reencrypt(SecretStore([NEW, OLD]), NOON)
    assert found == Reencryption(total=2, changed=1, undecryptable=1)
    assert (await SecondFactor.get(id=lost.id)).secret == lost.secret
    with pytest.raises(UndecryptableSecret):
        await read_secrets(NEW)
    with pytest.raises(InvalidInput, match="TICKETWIRE_ENCRYPTION_KEYS"):
        await reencrypt(SecretStore([]), NOON)


async def test_the_command_prints_how_many_secrets_it_has_changed(url: str, tmp_path: Path) -> None:
    await database.connect(url)
    try:
        await add_secret("old", OLD)
        await add_secret("lost", LOST)
    finally:
        await database.disconnect()

    async def run(keys: str) -> CliResult:
        return await run_cli(
            *(tmp_path, "secrets", "reencrypt"),
            TICKETWIRE_DATABASE_URL=url,
            TICKETWIRE_ENCRYPTION_KEYS=keys,
            TICKETWIRE_MODE="production",
        )

    first = await run(f"{NEW},{OLD}")
    assert (first.code, first.out) == (1, "encrypted 1 of 2 secrets again\n")
    assert first.err == "ticketwire: no key decrypts 1 secrets; they were not changed\n"
    second = await run(f"{NEW},{LOST}")  # the old key is not needed now
    assert (second.code, second.out, second.err) == (0, "encrypted 1 of 2 secrets again\n", "")
    refused = await run("")
    assert (refused.code, refused.out) == (1, "")
    assert "TICKETWIRE_ENCRYPTION_KEYS" in refused.err


@pytest.mark.usefixtures("database")
async def test_both_secrets_of_webhooks_are_encrypted_again() -> None:
    old = SecretStore([OLD])
    user = await User.create(email="owner@example.com", display_name="Owner")
    webhook = await Webhook.create(
        user=user,
        url="https://hooks.example.com",
        types=["rated"],
        scopes=[],
        ticket_filter={},
        log_position=0,
        secret=old.encrypt("current"),
        previous_secret=old.encrypt("former"),
    )
    await Webhook.create(
        user=user,
        url="x",
        types=[],
        scopes=[],
        ticket_filter={},
        log_position=0,
        secret=SecretStore([NEW]).encrypt("other"),
    )
    found = await reencrypt(SecretStore([NEW, OLD]), NOON)
    assert found == Reencryption(total=3, changed=2)
    await webhook.refresh_from_db()
    only_new = SecretStore([NEW])
    assert only_new.decrypt(webhook.secret) == "current"
    assert webhook.previous_secret is not None
    assert only_new.decrypt(webhook.previous_secret) == "former"
