"""Placeholders in the texts of macros, such as `{{ticket.ref}}`. No I/O.

Only values that the customer may see have placeholders. They are escaped for Markdown and replaced
in a single pass, so a value can neither format text nor bring further placeholders.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from models.core.errors import InvalidInput, UserErrorCode

PLACEHOLDERS: Mapping[str, str] = {
    "ticket.ref": "the number of the ticket with its prefix",
    "ticket.number": "the number of the ticket",
    "ticket.subject": "the subject of the ticket",
    "ticket.category": "the name of the ticket's category",
    "ticket.team": "the name of the ticket's team",
    "requester.displayName": "the name of the requester",
    "requester.organization": "the name of the requester's organization, or nothing",
    "agent.displayName": "the name of the person who applies the macro",
}
"""What each placeholder stands for."""
MAX_SHOWN_UNKNOWN = 5
MAX_SHOWN_CHARS = 50

OPENING = re.compile(r"\{\{(?:([^{}\n]*)\}\})?")
"""Two braces, with the name of a placeholder if they begin one."""
SPECIAL_CHARACTER = re.compile(r"[\\`*_\[\]<>~|]|&(?=[#A-Za-z0-9]+;)")
"""What formats text inside a line of Markdown. A bare address is no link."""
START_OF_BLOCK = re.compile(r"^(\d{1,9}(?=[.)])|(?=[-+#=:]))")
"""What begins a list, a heading or a table at the start of a line, unless it is special anyway."""
LINE_BREAK = re.compile(r"\s+")


def check_placeholders(text: str, *path: str) -> None:
    """Raises InvalidInput INVALID if the text has unknown or incomplete placeholders."""
    unknown = list(dict.fromkeys(find_unknown(text)))
    if not unknown:
        return
    shown = ", ".join(unknown[:MAX_SHOWN_UNKNOWN])
    if len(unknown) > MAX_SHOWN_UNKNOWN:
        shown += f" and {len(unknown) - MAX_SHOWN_UNKNOWN:,} more"
    message = f"has unknown placeholders: {shown}. Known placeholders: {', '.join(PLACEHOLDERS)}"
    raise InvalidInput(UserErrorCode.INVALID, message, *path)


def find_unknown(text: str) -> Iterator[str]:
    """The placeholders that are unknown or incomplete, as they are written, but shortened."""
    for match in OPENING.finditer(text):
        name: str | None = match.group(1)
        if name is None:
            yield "{{ without its end"
        elif name.strip() not in PLACEHOLDERS:
            yield "{{" + name.strip()[:MAX_SHOWN_CHARS] + "}}"


def fill_placeholders(text: str, values: Mapping[str, str], max_chars: int) -> str | None:
    """The text with the values in place of the placeholders; None if it is longer than `max_chars`.

    Unknown placeholders, which an earlier version may have known, stay as they are.
    """
    escaped = {name: escape_markdown(value) for name, value in values.items()}
    parts: list[str] = []
    end = size = 0
    for match in OPENING.finditer(text):
        name = (match.group(1) or "").strip()
        part = text[end : match.start()] + escaped.get(name, match.group())
        parts.append(part)
        end, size = match.end(), size + len(part)
        if size > max_chars:
            return None
    parts.append(text[end:])
    return "".join(parts) if size + len(parts[-1]) <= max_chars else None


def escape_markdown(value: str) -> str:
    """One line of text as Markdown that shows it literally."""
    line = LINE_BREAK.sub(" ", value).strip()
    escaped = SPECIAL_CHARACTER.sub(r"\\\g<0>", line)
    return START_OF_BLOCK.sub(r"\1\\", escaped)
