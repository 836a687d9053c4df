"""Settings: an invalid value raises one line that names the setting."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from settings.application import Settings, SettingsError, load
from settings.reference import build_reference, read_descriptions


def provider(**changes: object) -> str:
    """The JSON of a list with one identity provider, which is valid without changes."""
    valid = {"name": "login", "issuer": "https://login.example", "audiences": ["api"]}
    return json.dumps([{**valid, **changes}])


INVALID: list[tuple[str, str, str]] = [
    ("PORT", "x", "integer"),
    ("PORT", "70000", "65535"),
    ("TICKETWIRE_MODE", "prod", "production"),
    ("TICKETWIRE_DATABASE_URL", "", "sqlite:///"),
    ("TICKETWIRE_DATABASE_URL", "mysql://localhost/x", "postgres://"),
    ("TICKETWIRE_DATABASE_URL", "postgres://localhost", "must name a database"),
    ("TICKETWIRE_DATABASE_URL", "sqlite://", "must name a file"),
    ("TICKETWIRE_DATABASE_URL", "sqlite:///:memory:", "must name a file"),
    ("TICKETWIRE_DATABASE_URL", "postgres://u@h:port/x", "ort"),
    ("TICKETWIRE_DATABASE_POOL_SIZE", "1", "2"),
    ("TICKETWIRE_BUS_URL", "amqp://localhost", "redis://"),
    ("TICKETWIRE_BUS_URL", "redis://localhost:port", "redis://"),
    ("TICKETWIRE_BUS_URL", "redis://localhost?patience=1", "patience"),
    ("TICKETWIRE_BUS_URL", "redis://localhost?db=first", "db"),
    ("TICKETWIRE_REOPEN_DAYS", "-1", "0"),
    ("TICKETWIRE_CLOSE_AFTER_DAYS", "0", "1"),
    (
        "TICKETWIRE_ABANDON_AFTER_DAYS",
        "3",
        "more than TICKETWIRE_WAITING_REMINDER_DAYS, which is 3",
    ),
    ("TICKETWIRE_SESSION_DAYS", "half", "integer"),
    ("TICKETWIRE_MAX_SIGN_IN_ATTEMPTS", "0", "1"),
    ("TICKETWIRE_MAX_LIVE_LIST_TICKETS", "0", "1"),
    ("TICKETWIRE_TRUSTED_PROXIES", "*", "10.0.0.0/8"),
    ("TICKETWIRE_TRUSTED_PROXIES", "127.0.0.1,", "10.0.0.0/8"),
    ("TICKETWIRE_TRUSTED_PROXIES", "10.0.0.1/8", "host bits"),
    ("TICKETWIRE_TRUSTED_PROXIES", "proxy.example", "proxy.example"),
    ("TICKETWIRE_LOG_LEVEL", "loud", "'debug'"),
    ("TICKETWIRE_SMTP_URL", "mail.example.com", "smtp://"),
    ("TICKETWIRE_MAIL_FROM", "", "local@domain"),
    ("TICKETWIRE_MAIL_FROM", "Desk", "local@domain"),
    ("TICKETWIRE_MAIL_FROM", "a@b.example, c@d.example", "local@domain"),
    ("TICKETWIRE_MAIL_FROM", "Desk <a@b.example>\nBcc: c@d.example", "local@domain"),
    ("TICKETWIRE_MAIL_REPLY_TO", "Desk <desk@>", "local@domain"),
    ("TICKETWIRE_MAIL_TEMPLATES", "/nowhere/at/all", "is not a folder"),
    ("TICKETWIRE_PUBLIC_URL", "help.example.com", "https://host"),
    ("TICKETWIRE_PUBLIC_URL", "https://help.example.com/?x=1", "https://host"),
    ("TICKETWIRE_API_URL", "api.example.com", "https://host"),
    ("TICKETWIRE_JWT_LEEWAY_SECONDS", "301", "300"),
    ("TICKETWIRE_STORAGE_URL", "s3://somebody@bucket/x", "use file:///folder"),
    ("TICKETWIRE_PUBLIC_URL", "https://a:b@help.example", "leave out the user name"),
    ("TICKETWIRE_API_URL", "https://help.example/Büro", "the path percent-encoded"),
    ("TICKETWIRE_ALLOWED_ORIGINS", "https://app.example", "JSON list"),
    ("TICKETWIRE_IDENTITY_PROVIDERS", "https://login.example", "JSON list"),
    ("TICKETWIRE_IDENTITY_PROVIDERS", "[{}]", "0.name"),
    ("TICKETWIRE_IDENTITY_PROVIDERS", provider(name="My Provider"), "0.name"),
    ("TICKETWIRE_IDENTITY_PROVIDERS", provider(audience="x"), "0.audience"),
    ("TICKETWIRE_IDENTITY_PROVIDERS", provider(audiences=[]), "client_id, audiences, or both"),
    ("TICKETWIRE_IDENTITY_PROVIDERS", provider(client_id="api"), "must not contain the client_id"),
    ("TICKETWIRE_IDENTITY_PROVIDERS", provider(scopes=["email"]), "scopes must include openid"),
    ("TICKETWIRE_IDENTITY_PROVIDERS", provider(roles={"staff": "boss"}), "0.roles.staff"),
    ("TICKETWIRE_IDENTITY_PROVIDERS", provider(issuer="http://login.example"), "use https"),
    ("TICKETWIRE_IDENTITY_PROVIDERS", provider(issuer="http://127.0.0.1"), "use https"),
    ("TICKETWIRE_IDENTITY_PROVIDERS", provider(issuer="https://a@login.example"), "without a user"),
    ("TICKETWIRE_IDENTITY_PROVIDERS", provider(issuer="https://10.1.2.3"), "private use"),
    ("TICKETWIRE_IDENTITY_PROVIDERS", provider(issuer="https://[::1]"), "loopback"),
    ("TICKETWIRE_IDENTITY_PROVIDERS", provider(issuer="https://127.1"), "usual form"),
    ("TICKETWIRE_OUTBOUND_ALLOWED_NETWORKS", "intranet", "use IP addresses or networks"),
    ("TICKETWIRE_OUTBOUND_ALLOWED_NETWORKS", "10.1.2.3/8", "use IP addresses or networks"),
    ("TICKETWIRE_IDENTITY_PROVIDERS", f"[{provider()[1:-1]}, {provider()[1:-1]}]", "unique"),
]


@pytest.fixture(autouse=True)
def without_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the settings of this machine and the .env file of the checkout."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TICKETWIRE_{name.upper()}", raising=False)
    monkeypatch.delenv("HOST", raising=False)
    monkeypatch.delenv("PORT", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("name", "value", "hint"), INVALID)
def test_an_invalid_setting_is_named_and_explained(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, hint: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        load()
    text = str(error.value)
    assert text.startswith(f"{name}: ")
    assert hint in text
    assert "\n" not in text


def test_a_reminder_must_come_before_the_default_abandon_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TICKETWIRE_WAITING_REMINDER_DAYS", "7")
    with pytest.raises(SettingsError, match=r"TICKETWIRE_ABANDON_AFTER_DAYS: .* which is 7"):
        load()
    monkeypatch.setenv("TICKETWIRE_ABANDON_AFTER_DAYS", "0")
    assert load().abandon_after is None


def test_a_list_that_is_not_json_names_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKETWIRE_ALLOWED_ORIGINS", "https://desk.example")
    with pytest.raises(SettingsError, match=r"(?i)allowed_origins"):
        load()


def test_every_setting_has_a_default_and_a_description() -> None:
    assert load() == Settings()
    descriptions = read_descriptions(Settings)
    assert [name for name in Settings.model_fields if not descriptions.get(name)] == []


def test_arguments_override_the_environment_which_overrides_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text(
        "TICKETWIRE_REOPEN_DAYS=3\nTICKETWIRE_SESSION_DAYS=4\nPORT=81\nUNKNOWN=1\n"
    )
    monkeypatch.setenv("TICKETWIRE_SESSION_DAYS", "5")
    monkeypatch.setenv("TICKETWIRE_ALLOWED_ORIGINS", '["https://desk.example"]')
    loaded = load(port=82, host=None)
    assert (loaded.reopen_window.days, loaded.session_length.days, loaded.port, loaded.host) == (
        3,
        5,
        82,
        "127.0.0.1",
    )
    assert loaded.allowed_origins == ["https://desk.example"]


def test_settings_are_immutable() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().port = 1  # type: ignore[misc]


def test_an_error_does_not_show_the_password_of_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKETWIRE_BUS_URL", "redis://user:s3cr#t@localhost:6379")
    with pytest.raises(SettingsError) as error:
        load()
    assert "s3cr" not in str(error.value)


def test_the_configuration_reference_is_current() -> None:
    document = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    table = document[document.index("| variable") :]
    assert table.rstrip("\n") == build_reference(), "make configuration"


def test_a_provider_needs_an_api_url_or_a_public_url_with_redirect_urls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TICKETWIRE_IDENTITY_PROVIDERS", provider(client_id="helpdesk"))
    with pytest.raises(SettingsError, match=r"^TICKETWIRE_API_URL: "):
        load()
    monkeypatch.setenv("TICKETWIRE_PUBLIC_URL", "https://support.example")
    with pytest.raises(SettingsError, match=r"^TICKETWIRE_SIGN_IN_REDIRECT_URLS: "):
        load()
    monkeypatch.setenv("TICKETWIRE_API_URL", "https://support.example")
    assert load().sign_in_redirect_urls == []  # the server's own sign-in page suffices
    for url in ("http://app.example", "javascript:alert(1)", "https://app.example/#x", "/x"):
        monkeypatch.setenv("TICKETWIRE_SIGN_IN_REDIRECT_URLS", json.dumps([url]))
        with pytest.raises(SettingsError, match=r"^TICKETWIRE_SIGN_IN_REDIRECT_URLS: "):
            load()
    monkeypatch.setenv("TICKETWIRE_SIGN_IN_REDIRECT_URLS", '["https://app.example/signed-in"]')
    assert load().identity_providers[0].client_id == "helpdesk"


def test_an_issuer_that_is_not_public_needs_an_allowed_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TICKETWIRE_IDENTITY_PROVIDERS", provider(issuer="https://10.1.2.3"))
    monkeypatch.setenv("TICKETWIRE_OUTBOUND_ALLOWED_NETWORKS", "10.1.3.0/24, fd00::/8")
    with pytest.raises(SettingsError, match="private use"):
        load()
    monkeypatch.setenv("TICKETWIRE_OUTBOUND_ALLOWED_NETWORKS", "10.1.2.0/24, fd00::/8")
    assert [str(each) for each in load().allowed_networks] == ["10.1.2.0/24", "fd00::/8"]


def test_no_message_or_text_of_the_settings_has_a_client_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = provider(client_secret="the secret")
    monkeypatch.setenv("TICKETWIRE_IDENTITY_PROVIDERS", secret)
    assert "the secret" not in repr(load())
    assert "the secret" not in str(load().identity_providers)
    monkeypatch.setenv("TICKETWIRE_IDENTITY_PROVIDERS", secret.replace("https", "ftp"))
    with pytest.raises(SettingsError) as error:
        load()
    assert "the secret" not in str(error.value)
