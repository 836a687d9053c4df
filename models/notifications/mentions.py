"""Mentions in notes: `@` followed by the email address of an agent or admin, or by its local part.

Code, email addresses and URLs contain no mentions. A name that is unknown, or that two users share,
is ignored. No I/O; the time is linear in the length of the text. Markdown is scanned here, and not
by the parser of models/core/markdown.py, because that takes over a second for some texts.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

MAX_MENTIONS = 50
"""The maximum number of users that one note mentions. Unknown names do not count."""
MAX_NAMES = 1000
"""The maximum number of different names that are read from one note, to bound the time."""

NAME = re.compile(r"@(\w[\w.+'-]*)(?:@(\w[\w.-]*))?")
LATIN = re.compile(r"[A-Za-z0-9._+'@-]*")
LINE_BREAK = re.compile(r"\r\n|\n|\r")
QUOTE_MARKERS = re.compile(r"(?: {0,3}> ?)+")
LIST_MARKER = re.compile(r" *(?:[-*+]|\d{1,9}[.)])(?: +|$)")
FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})([^\n]*)")
BACKTICKS = re.compile(r"`+")
EMPHASIS = "_*~.+-"
"""Before an `@`, these are part of an email address if a word precedes them, and else emphasis."""
TRAILING_PUNCTUATION = "._+-'"


def find_mentioned_users(body: str, directory: Mapping[str, UUID]) -> set[UUID]:
    """The users that a note mentions. `directory` is from `build_directory`."""
    user_ids: set[UUID] = set()
    for spellings in find_names(body):
        known = [spelling for spelling in spellings if spelling in directory]
        if known and len(user_ids) < MAX_MENTIONS:
            user_ids.add(directory[known[0]])
    return user_ids


def build_directory(staff: Iterable[tuple[UUID, str]]) -> dict[str, UUID]:
    """The users by the lower-case names that mention them, from pairs of user id and email address.

    A local part is a name only if it belongs to a single user.
    """
    addresses = {address.lower(): user_id for user_id, address in staff}
    users_by_local_part: dict[str, set[UUID]] = {}
    for address, user_id in addresses.items():
        users_by_local_part.setdefault(address.rpartition("@")[0], set()).add(user_id)
    directory: dict[str, UUID] = {}
    for local_part, user_ids in users_by_local_part.items():
        if local_part and len(user_ids) == 1:
            directory[local_part] = next(iter(user_ids))
    return directory | addresses


def find_names(body: str) -> list[tuple[str, ...]]:
    """The first MAX_NAMES names after an `@`, each with its possible spellings, likeliest first."""
    names: dict[str, tuple[str, ...]] = {}
    for text in extract_paragraphs(body):
        if "@" not in text:
            continue
        for match in NAME.finditer(text):
            if not is_mention_start(text, match.start()):
                continue
            name = match[0][1:].lower()
            if name not in names:
                names[name] = build_spellings(name)
            if len(names) == MAX_NAMES:
                return list(names.values())
    return list(names.values())


def is_mention_start(text: str, position: int) -> bool:
    """Whether the `@` at `position` begins a word, outside of addresses, paths and escapes."""
    before = position - 1
    while before >= 0 and text[before] in EMPHASIS:
        before -= 1
    if before < 0:
        return True
    character = text[before]
    is_word = character.isascii() and character.isalnum()
    return not is_word and character not in "/@\\=&%"


def build_spellings(name: str) -> tuple[str, ...]:
    """The names that a name in the text may stand for.

    These are the name itself, the name without trailing punctuation or a possessive, and its part
    before the first character that is not Latin, because some scripts put no space after a name.
    """
    latin = LATIN.match(name)
    owner = name.partition("'")[0]
    spellings = (
        name,
        name.rstrip(TRAILING_PUNCTUATION),
        owner.rstrip(TRAILING_PUNCTUATION),
        latin[0].rstrip(TRAILING_PUNCTUATION) if latin else "",
    )
    return tuple(dict.fromkeys(spelling for spelling in spellings if spelling))


def extract_paragraphs(body: str) -> Iterator[str]:
    """The paragraphs of Markdown without code: fenced blocks, indented blocks and code spans."""
    paragraph: list[str] = []
    fence, in_list, after_text = "", False, False
    for raw_line in LINE_BREAK.split(body):
        markers = QUOTE_MARKERS.match(raw_line)
        line = raw_line[markers.end() :] if markers else raw_line
        if fence:
            if is_closing_fence(line, fence):
                fence = ""
            continue
        fence = find_opening_fence(line)
        is_indented_code = line.startswith(("    ", "\t")) and not after_text and not in_list
        if fence or not line.strip() or is_indented_code:
            if paragraph:
                yield remove_code_spans("\n".join(paragraph))
            paragraph, after_text = [], False
            continue
        # After a blank line, a list continues only if the next line is indented.
        continues_list = in_list and (after_text or line.startswith((" ", "\t")))
        in_list = continues_list or LIST_MARKER.match(line) is not None
        after_text = True
        paragraph.append(line)
    if paragraph:
        yield remove_code_spans("\n".join(paragraph))


def find_opening_fence(line: str) -> str:
    """The fence that opens a code block in this line, or an empty string."""
    marker = LIST_MARKER.match(line)
    fence = FENCE.fullmatch(line, marker.end() if marker else 0)
    if fence is None or (fence[1].startswith("`") and "`" in fence[2]):
        return ""
    return fence[1]


def is_closing_fence(line: str, fence: str) -> bool:
    text = line.strip()
    return len(text) >= len(fence) and not text.strip(fence[0])


def remove_code_spans(paragraph: str) -> str:
    """The paragraph with a backtick for each code span.

    A code span is the text between two runs of backticks of the same length.
    """
    runs = [(run.start(), run.end()) for run in BACKTICKS.finditer(paragraph)]
    starts_by_length: dict[int, list[int]] = {}
    for start, end in runs:
        starts_by_length.setdefault(end - start, []).append(start)
    parts: list[str] = []
    read_to = 0
    for start, end in runs:
        if start < read_to:
            continue
        begin = start + 1 if is_escaped(paragraph, start) else start
        length = end - begin
        candidates = starts_by_length.get(length, [])
        index = bisect_right(candidates, start)
        if index < len(candidates):
            parts.append(paragraph[read_to:begin])
            read_to = candidates[index] + length
    parts.append(paragraph[read_to:])
    return "`".join(parts)


def is_escaped(text: str, position: int) -> bool:
    """Whether an odd number of backslashes precedes the position."""
    before = position
    while before > 0 and text[before - 1] == "\\":
        before -= 1
    return (position - before) % 2 == 1
