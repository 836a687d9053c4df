"""SMTP transport: URLs, TLS, authentication, and the log if no server is configured."""

from __future__ import annotations

import ssl
import subprocess
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from support import World
from support.mailing import FROM, TEMPLATES, queue_mail, reload_mail, send_due_mails
from support.ports import reserve_port
from support.smtp_sink import sink
from support.ticket_commands import create_ticket

from models.notifications.email import MailStatus
from settings.application import SettingsError, load
from workers.mail.smtp import SmtpTransport, build_transport
from workers.mail.smtp_url import SmtpUrl
from workers.mail.transport import LOGGED_ANSWER, PermanentFailure, TemporaryFailure
from workers.mailer import Mailer

SECRET = "s3cret"


def message() -> EmailMessage:
    new_message = EmailMessage(policy=SMTP)
    new_message["From"], new_message["To"], new_message["Subject"] = FROM, "cora@example.com", "x"
    new_message.set_content("x")
    return new_message


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", SmtpUrl("mail.example.com", 25)),
        ("smtp://mail.example.com:587/", SmtpUrl("mail.example.com", 587)),
        ("smtp://[::1]:26", SmtpUrl("::1", 26)),
        ("smtp://h?starttls=required", SmtpUrl("h", 25, starttls="required")),
        ("smtp://h?starttls=never", SmtpUrl("h", 25, starttls="never")),
        ("smtp://me:p%40ss%2F@h", SmtpUrl("h", 25, "me", "p@ss/", starttls="required")),
        ("smtp://me:p@h?starttls=never", SmtpUrl("h", 25, "me", "p", starttls="never")),
        (
            "smtps://me%40example.com:p@h",
            SmtpUrl("h", 465, "me@example.com", "p", tls=True, starttls="never"),
        ),
        ("smtps://h:466", SmtpUrl("h", 466, tls=True, starttls="never")),
    ],
    ids=[
        "plain",
        "port",
        "ipv6",
        "required",
        "never",
        "password",
        "password-never",
        "tls",
        "tls-port",
    ],
)
def test_a_url_is_parsed(url: str, server: SmtpUrl) -> None:
    assert SmtpUrl.of(url) == server
    assert load(smtp_url=url).smtp_url == url


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        f"http://me:{SECRET}@h",
        f"smtp://me:{SECRET}@",
        f"smtp://me:{SECRET}@h/path",
        f"smtp://me:{SECRET}@h?tls=1",
        f"smtp://me:{SECRET}@h?starttls=maybe",
        f"smtps://me:{SECRET}@h?starttls=required",
        f"smtp://me:{SECRET}@h#x",
        f"smtp://:{SECRET}@h",
        "smtp://me@h",
        f"smtp://me:{SECRET}/x@h",
        f"smtp://me:[{SECRET}@h",
        f"smtp://me:{SECRET}℀@h",
        f"smtp://me:{SECRET}@h:99999",
        f"smtp://me:{SECRET}@h:0",
        f"smtp://me:{SECRET}@h h",
    ],
    ids=[
        *(
            "no-scheme",
            "http",
            "no-host",
            "path",
            "unknown-option",
            "unknown-value",
            "tls-twice",
            "fragment",
            "no-user",
        ),
        *("no-password", "slash", "bracket", "unicode", "port", "port-zero", "space"),
    ],
)
def test_the_error_for_a_wrong_url_hides_the_password(url: str) -> None:
    with pytest.raises(SettingsError) as found:
        load(smtp_url=url)
    text = str(found.value)
    assert text.startswith("TICKETWIRE_SMTP_URL: use smtp://")
    assert SECRET not in text
    assert SECRET not in str(found.value.__cause__)


def test_the_transport_uses_the_server_of_the_url() -> None:
    found = build_transport("smtp://h")
    assert isinstance(found, SmtpTransport)
    assert found.server == SmtpUrl("h", 25)


def test_a_password_is_not_in_the_representation() -> None:
    url = f"smtp://me:{SECRET}@h"
    assert SECRET not in repr(load(smtp_url=url))
    assert SECRET not in repr(SmtpUrl.of(url))


# ---------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The TLS context of a server, and that of a client that trusts its certificate."""
    folder: Path = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=127.0.0.1",
            ),
            *(
                "-addext",
                "subjectAltName=IP:127.0.0.1",
                "-keyout",
                str(folder / "key.pem"),
                "-out",
                str(folder / "cert.pem"),
            ),
        ],
        check=True,
        capture_output=True,
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return server, ssl.create_default_context(cafile=str(folder / "cert.pem"))


async def test_starttls_is_used_and_a_password_is_sent_only_over_tls(
    certificate: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    server, trusting = certificate
    async with sink(server, ("me", SECRET)) as safe, sink() as plain:
        signed_in = SmtpUrl.of(f"smtp://me:{SECRET}@127.0.0.1:{safe.port}")
        assert (
            await SmtpTransport(signed_in, tls=trusting).send(message(), "cora@example.com")
            == "250 taken as 1"
        )
        wrong = SmtpUrl.of(f"smtp://me:wrong@127.0.0.1:{safe.port}")
        # an operator can fix the password, so the mail is retried
        with pytest.raises(TemporaryFailure, match="535"):
            await SmtpTransport(wrong, tls=trusting).send(message(), "cora@example.com")
        for option in ("", "?starttls=required"):
            unsafe = SmtpUrl.of(f"smtp://me:{SECRET}@127.0.0.1:{plain.port}{option}")
            with pytest.raises(TemporaryFailure) as found:
                await SmtpTransport(unsafe, tls=trusting).send(message(), "cora@example.com")
            assert SECRET not in str(found.value)
        assert plain.requested_recipients == []
        assert len(safe.received) == 1


async def test_an_untrusted_certificate_is_refused(
    certificate: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    async with sink(certificate[0]) as safe:
        with pytest.raises(TemporaryFailure, match=r"(?i)certificate"):
            await SmtpTransport(SmtpUrl.of(safe.url)).send(message(), "cora@example.com")
        bare = SmtpUrl.of(f"{safe.url}?starttls=never")
        assert (await SmtpTransport(bare).send(message(), "cora@example.com")).startswith("250 ")


# ---------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("rcpt", "data", "error"),
    [
        ("450 busy", None, TemporaryFailure),
        ("421 going down", None, TemporaryFailure),
        ("550 unknown", None, PermanentFailure),
        ("553 odd", None, PermanentFailure),
        (None, "451 not now", TemporaryFailure),
        (None, "552 too big", PermanentFailure),
        (None, "554 spam", PermanentFailure),
    ],
    ids=["rcpt-450", "rcpt-421", "rcpt-550", "rcpt-553", "data-451", "data-552", "data-554"],
)
async def test_4xx_replies_are_temporary_and_5xx_replies_permanent(
    rcpt: str | None, data: str | None, error: type[Exception]
) -> None:
    async with sink() as inbox:
        if rcpt is not None:
            inbox.recipient_replies["cora@example.com"] = rcpt
        inbox.data_reply = data
        with pytest.raises(error, match=str(rcpt or data)):
            await SmtpTransport(SmtpUrl.of(inbox.url)).send(message(), "cora@example.com")


async def test_an_unreachable_server_is_a_temporary_failure() -> None:
    with pytest.raises(TemporaryFailure, match="Error connecting"):
        await SmtpTransport(SmtpUrl("127.0.0.1", reserve_port())).send(
            message(), "cora@example.com"
        )
    with pytest.raises(TemporaryFailure):
        await SmtpTransport(SmtpUrl("nowhere.invalid", 25), seconds=5).send(
            message(), "cora@example.com"
        )


# ---------------------------------------------------------------- the log


async def test_without_a_server_mails_are_written_to_the_log(database: str) -> None:
    people = await World.make()
    ticket = await create_ticket(people.cora)
    mail = await queue_mail(ticket, people.cora)
    with capture_logs() as lines:
        await send_due_mails(Mailer(build_transport(""), TEMPLATES, mail_from=FROM))
    (line,) = [line for line in lines if line["event"] == "mail.written"]
    assert (line["to"], line["subject"]) == ("cora@example.com", f"[{ticket.ref}] VPN is down")
    assert line["message_id"] == mail.message_id
    assert "since noon" in line["text"]
    found = await reload_mail(mail)
    assert (found.status, found.answer) == (MailStatus.SENT, LOGGED_ANSWER)
    assert LOGGED_ANSWER == "written to the log: TICKETWIRE_SMTP_URL is not set"
