"""Markdown is rendered to safe HTML; hostile markup is shown as text."""

from __future__ import annotations

import asyncio
import re
import threading

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.core import markdown
from models.core.markdown import ALLOWED_TAGS, PARSER, render, to_html

SCHEMES = re.compile(r'href="(?:https?:|mailto:|[^:"]*(?:["/?#]|$))', re.IGNORECASE)


def expect_safe(html: str) -> None:
    """Check that the HTML has only allowed tags, attributes and schemes."""
    for tag in re.findall(r"<[^>]*>", html):
        name = re.match(r"</?([a-z0-9]+)", tag)
        assert name, tag
        assert name[1] in ALLOWED_TAGS, tag
        attributes = re.sub(r'="[^"]*"', "", tag[len(name[0]) : -1]).split()
        assert set(attributes) <= {"href", "title", "rel", "class", "start", "align"}, tag
        if "href" in attributes:
            assert SCHEMES.search(tag), tag
            assert 'rel="noopener noreferrer nofollow"' in tag
        for align in re.findall(r'align="([^"]*)"', tag):
            assert align in ("left", "right", "center"), tag


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "<iframe src='javascript:alert(1)'></iframe>",
        "<a href='javascript:alert(1)'>x</a>",
        "<style>body{display:none}</style>",
        "<b onmouseover=alert(1)>x</b>",
        "<!-- <script> -->",
        "</p><script>alert(1)</script>",
        "`<script>`",
        "```\n</code></pre><script>alert(1)</script>\n```",
        '```"><script>alert(1)</script>\nx\n```',
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](javascript&colon;alert(1))",
        "[x](java\tscript:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](vbscript:msgbox(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](file:///etc/passwd)",
        "<javascript:alert(1)>",
        "[x]\n\n[x]: javascript:alert(1)",
        "[x](http://e.example 'a\" onclick=\"alert(1)')",
        "![x](http://e.example/track.png)",
        "![x](javascript:alert(1))",
        "|a|\n|:-|\n|<script>|",
        "\x1b]0;x\x07<script\x00>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
    ],
)
def test_hostile_markdown_is_shown_as_text(hostile: str) -> None:
    html = render(hostile)
    expect_safe(html)
    assert "<script" not in html.lower()
    assert "<img" not in html


def test_raw_html_is_shown_as_text() -> None:
    assert render("<b>x</b>") == "<p>&lt;b&gt;x&lt;/b&gt;</p>\n"
    assert render("<script>alert(1)</script>") == "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"


def test_the_sanitiser_removes_hostile_output_of_the_parser(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(PARSER, "validateLink", lambda _: True)
    monkeypatch.setitem(PARSER.options, "html", True)
    for scheme in ("javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd"):
        html = render(f"[x]({scheme})")
        expect_safe(html)
        assert "x</a>" in html
        assert "href" not in html
    for raw in (
        "<script>alert(1)</script>",
        "<p onclick=alert(1)>x</p>",
        "<img src=x onerror=alert(1)>",
        "<td style='color:red'>",
    ):
        expect_safe(render(raw))
    assert "alert" not in render("<script>alert(1)</script>")


NOT_WEB_SCHEMES = [
    "ftp", "ftps", "tel", "sms", "smsto", "ssh", "sip", "sips", "irc", "ircs", "news", "nntp",
    "magnet", "bitcoin", "geo", "im", "mms", "mx", "openpgp4fpr", "url", "urn", "webcal", "wtai",
    "xmpp", "ws", "wss", "ldap", "smb", "git", "steam", "intent", "blob", "about", "chrome",
    "view-source", "ms-word", "jar", "mocha", "livescript", "feed", "x-a+b.c"
]  # fmt: skip
"""Schemes that the Markdown parser accepts in a link.

The sanitiser must remove them: some of them open other programs.
"""
LINKS = {
    "autolink": "<{url}>",
    "inline": "[text]({url})",
    "inline in angle brackets": "[text](<{url}>)",
    "inline with a title": '[text]({url} "title")',
    "reference": "[text][name]\n\n[name]: {url}",
    "collapsed reference": "[text][]\n\n[text]: {url}",
    "shortcut reference": "[text]\n\n[text]: <{url}>",
    "image": "![text]({url})",
    "reference image": "![text][name]\n\n[name]: {url}",
    "image in a link": "[![text]({url})]({url})",
    "in a table": "|a|\n|-|\n|[text]({url})|",
    "in a list in a quote": "> - [text]({url})",
}


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_links_with_other_schemes_lose_their_target(link: str) -> None:
    for scheme in [*NOT_WEB_SCHEMES, *(scheme.upper() for scheme in NOT_WEB_SCHEMES)]:
        url = f"{scheme}:user@host.example/path?xt=1"
        parsed = PARSER.render(link.format(url=url))
        assert f'href="{url}"' in parsed, (
            "the parser accepts the link, so the sanitiser alone removes it"
        )
        html = render(link.format(url=url))
        assert "<a" in html, "the text of the link stays"
        assert "href=" not in html, html
        assert "<img" not in html
        expect_safe(html)


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_links_to_http_https_and_mailto_keep_their_target(link: str) -> None:
    for url in (
        "http://host.example/path",
        "https://host.example/path",
        "HTTPS://host.example",
        "mailto:a@b.c",
    ):
        html = render(link.format(url=url))
        assert f'href="{url}"' in html
        expect_safe(html)


@pytest.mark.parametrize(
    "scheme",
    [
        "&#102;tp:",
        "f&#x74;p:",
        "ftp&colon;",
        "ftp\\:",
        "FtP:",
        "tel&#58;",
        "magnet&#x3a;",
        "s&#115;h:",
    ],
)
def test_encoded_schemes_lose_their_target(scheme: str) -> None:
    html = render(f"[text]({scheme}//host.example/)")
    assert "text" in html
    expect_safe(html)


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9+.\-]{1,31}", fullmatch=True))
def test_random_schemes_lose_their_target(scheme: str) -> None:
    assume(scheme.lower() not in {"http", "https", "mailto"})
    for link in LINKS.values():
        assert "href=" not in render(link.format(url=f"{scheme}:host"))


def test_common_markdown_is_rendered() -> None:
    assert (
        render("**Hi** _you_, `x < y`")
        == "<p><strong>Hi</strong> <em>you</em>, <code>x &lt; y</code></p>\n"
    )
    assert render("a\nb") == "<p>a<br>\nb</p>\n", "a line break is kept"
    assert 'href="https://e.example/a?b=c&amp;d"' in render("[x](https://e.example/a?b=c&d)")
    assert 'href="mailto:a@e.example"' in render("<mailto:a@e.example>")
    assert "<s>old</s>" in render("~~old~~")
    assert '<code class="language-python">' in render("```python\nx\n```")
    assert '<td align="right">1</td>' in render("|a|\n|-:|\n|1|")
    assert '<ol start="3">' in render("3. x")


@settings(max_examples=200)
@given(st.text(alphabet="<>\"'`[]()!*_#|:-/\\&;= \nabjscriptonhref", max_size=120))
def test_random_text_renders_to_safe_html(anything: str) -> None:
    expect_safe(render(anything))


@pytest.mark.parametrize(
    "piece", [">", "- ", "[", "![", "*", "`", "<", "(", "|", "1. ", "&", "\\", "[x](", "**a", "~~"]
)
def test_deep_nesting_terminates(piece: str) -> None:
    expect_safe(render((piece * 4096)[:4096] + "x"))


def test_to_html_renders_in_a_worker_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    thread_ids: list[int] = []

    def record_thread(text: str) -> str:
        thread_ids.append(threading.get_ident())
        return text

    monkeypatch.setattr(markdown, "render", record_thread)
    assert asyncio.run(to_html("x")) == "x"
    assert threading.get_ident() not in thread_ids


WIDE_TABLE = "|a" * 1000 + "\n" + "|-" * 1000 + "\n" + "|\n" * 40


def test_a_table_with_too_many_cells_stays_text() -> None:
    assert len(WIDE_TABLE) < 4100
    assert render(WIDE_TABLE).startswith("<p>|a|a")
    assert len(render(WIDE_TABLE)) < 2 * len(WIDE_TABLE)
    assert render("|a|b|\n|-|-|\n" + "|1|2|\n" * 1500).count("<td>1</td>") == 1500
    quoted = "\n".join(
        f"> - {line}" if number == 0 else f">   {line}"
        for number, line in enumerate(WIDE_TABLE.splitlines())
    )
    assert "<td>" not in render(quoted)
    assert "<td>" not in render("|" + "a|" * 1000 + "\n" + ":-|" * 1000 + "\n" + "a\n" * 40)


def test_pipes_in_code_do_not_count_as_cells() -> None:
    code = "```\n" + "|".join("x" * 60) + "\n" + "a || b\n" * 200 + "```\n"
    assert "<td>1</td>" in render("|a|b|\n|-|-|\n|1|2|\n\n" + code)


def test_text_with_too_long_html_is_shown_as_written() -> None:
    assert render("<a@b.c>" * 9362).startswith("<pre>&lt;a@b.c&gt;&lt;a@b.c&gt;")
    assert render("<a@b.c>" * 100).startswith("<p><a ")
