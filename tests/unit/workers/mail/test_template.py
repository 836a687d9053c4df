"""Mail templates: custom files override built-in ones, and a broken file is an error at start."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.notifications.email import MORE_UPDATES
from settings.application import SettingsError, load
from workers.mail import webhook_values
from workers.mail.account_values import ACCOUNT_SUBJECTS
from workers.mail.outgoing_mail import EVENT_TYPE_OF_TEMPLATE
from workers.mail.template import BUILT_IN_FOLDER, KINDS, TemplateError, Templates, build_samples


def test_every_mail_has_a_text_and_an_html_template() -> None:
    files = {path.name for path in BUILT_IN_FOLDER.iterdir()}
    names = (
        *(*EVENT_TYPE_OF_TEMPLATE, MORE_UPDATES, "layout"),
        *(*ACCOUNT_SUBJECTS, "account_layout", webhook_values.TEMPLATE),
    )
    assert files == {f"{name}.{kind}" for name in names for kind in KINDS}


@pytest.mark.parametrize("name", sorted(EVENT_TYPE_OF_TEMPLATE))
def test_built_in_templates_render_every_sample(name: str) -> None:
    for values in build_samples(name):
        text, html = Templates().render(name, values)
        assert "TKT-1001: VPN is <down> & out" in text
        assert "VPN is &lt;down&gt; &amp; out" in html
        assert "\n\n\n\n" not in text
        assert "None" not in text + html


def test_a_custom_file_overrides_one_template_and_the_rest_stay(tmp_path: Path) -> None:
    (tmp_path / "resolved.txt").write_text(
        "Solved: {{ resolution.text }} ({{ ticket.ref }}, {{ event.occurred_at | moment }})"
    )
    (tmp_path / "layout.html").write_text(
        "<main>{% block content %}{% endblock %}{% include 'foot.html' %}</main>"
    )
    (tmp_path / "foot.html").write_text("<footer>Acme {{ hint }}</footer>")
    templates = Templates(tmp_path)
    text, html = templates.render("resolved", build_samples("resolved")[0])
    assert text == "Solved: It **works** again. (TKT-1001, 5 March 2026, 14:30 UTC)"
    assert html.startswith("<main>")
    assert "<strong>works</strong>" in html
    assert "<footer>Acme To stop emails" in html
    text, html = templates.render("closed", build_samples("closed")[0])
    assert text.startswith("Hello Chris,")
    assert html.startswith("<main>")


BROKEN_TEMPLATES = [
    ("resolved.txt", "fine\n{% if %}\n", "resolved.txt:2: "),
    (
        "resolved.html",
        "fine\nfine\n{{ resolutoin.html }}",
        "resolved.html:3: 'resolutoin' is undefined",
    ),
    ("resolved.txt", "\n{{ resolution.texxt }}", "resolved.txt:2: "),
    ("closed.txt", "{{ reason.upper() }}", "closed.txt:1: "),
    ("created.txt", "{{ url + '?x' }}", "created.txt:1: "),
    (
        "layout.txt",
        "a\n\n{{ nobody }}{% block content %}{% endblock %}",
        "layout.txt:3: 'nobody' is undefined",
    ),
    ("replied.html", '{% extends "none.html" %}', "there is no template none.html"),
    (
        "replied.html",
        "{{ reply.__class__.__mro__ }}",
        "replied.html:1: access to attribute '__class__'",
    ),
    ("replied.txt", "{{ 1 // 0 }}", "replied.txt:1: "),
    ("foot.txt", "\n\n\n{% endblock %}", "foot.txt:4: "),
]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    BROKEN_TEMPLATES,
    ids=[f"{n}-{name}" for n, (name, _, _) in enumerate(BROKEN_TEMPLATES)],
)
def test_a_broken_template_is_named_in_one_line(
    tmp_path: Path, name: str, text: str, expected: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(TemplateError) as found:
        Templates(tmp_path)
    assert expected in str(found.value)
    assert str(tmp_path) in str(found.value) or "no template" in str(found.value)
    assert "\n" not in str(found.value)
    with pytest.raises(SettingsError) as stopped:
        load(mail_templates=str(tmp_path))
    assert str(stopped.value) == f"TICKETWIRE_MAIL_TEMPLATES: {found.value}"


def test_a_binary_file_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "resolved.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TemplateError, match=r"resolved\.txt"):
        Templates(tmp_path)


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="is not a folder"):
        Templates(tmp_path / "nowhere")
