"""Mentions in notes: an `@` with the e-mail address of somebody on the staff, or its local part. Pure, and linear in the text.

Not in code, and not inside e-mail addresses and URLs. A name that is unknown, or that two people share, means nobody.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

MAX_MENTIONS = 50
"""How many people one note mentions at most. Names that mean nobody, as a pasted log has them, do not count."""
MAX_NAMES = 1000
"""How many different names of a note are looked at: what more would cost, requests would wait for."""

NAME = re.compile(r"@(\w[\w.+'-]*)(?:@(\w[\w.-]*))?")
LATIN = re.compile(r"[A-Za-z0-9._+'@-]*")
LINE = re.compile(r"\r\n|\n|\r")
QUOTE = re.compile(r"(?: {0,3}> ?)+")
ITEM = re.compile(r" *(?:[-*+]|\d{1,9}[.)])(?: +|$)")
FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})([^\n]*)")
TICKS = re.compile(r"`+")
AROUND = "_*~.+-"
"""What may stand between a word and the `@`: it belongs to an address after a word, else it is emphasis."""
TRAILING = "._+-'"


def find_mentioned_users(body: str, people: Mapping[str, UUID]) -> set[UUID]:
    """Whom a note mentions, by their names in lower case as `directory` gives them."""
    found: set[UUID] = set()
    for spellings in find_names(body):
        user_id = next((people[each] for each in spellings if each in people), None)
        if user_id is not None and len(found) < MAX_MENTIONS:
            found.add(user_id)
    return found


def build_directory(staff: Iterable[tuple[UUID, str]]) -> dict[str, UUID]:
    """Names by which people can be mentioned, out of their keys and addresses: local parts only where one person has it."""
    addresses = {address.lower(): user_id for user_id, address in staff}
    owners: dict[str, set[UUID]] = {}
    for address, user_id in addresses.items():
        owners.setdefault(address.rpartition("@")[0], set()).add(user_id)
    return {
        name: next(iter(ids)) for name, ids in owners.items() if name and len(ids) == 1
    } | addresses


def find_names(body: str) -> list[tuple[str, ...]]:
    """The first names after an `@`, each once, each with the spellings that it may stand for, likeliest first."""
    found: dict[str, tuple[str, ...]] = {}
    for text in extract_paragraphs(body):
        for name in NAME.finditer(text) if "@" in text else ():
            if not is_mention_start(text, name.start()):
                continue
            written = name[0][1:].lower()
            if written not in found:
                found[written] = build_spellings(written)
            if len(found) == MAX_NAMES:
                return list(found.values())
    return list(found.values())


def is_mention_start(text: str, place: int) -> bool:
    """Whether the `@` there begins a word, and stands in no address, path or escape."""
    before = place - 1
    while before >= 0 and text[before] in AROUND:
        before -= 1
    if before < 0:
        return True
    letter = text[before]
    return not (letter.isascii() and letter.isalnum()) and letter not in "/@\\=&%"


def build_spellings(written: str) -> tuple[str, ...]:
    """As it is written, without what may be punctuation, and up to where another script goes on without a space."""
    latin = LATIN.match(written)
    owner = written.partition("'")[0]
    shorter = (
        written,
        written.rstrip(TRAILING),
        owner.rstrip(TRAILING),
        latin[0].rstrip(TRAILING) if latin else "",
    )
    return tuple(dict.fromkeys(each for each in shorter if each))


def extract_paragraphs(body: str) -> Iterator[str]:
    """The text of Markdown without its code: fenced blocks, indented ones and spans."""
    text: list[str] = []
    fence, in_list = "", False
    after_text = False
    for written in LINE.split(body):
        line = QUOTE.sub("", written, count=1) if QUOTE.match(written) else written
        if fence:
            fence = "" if is_closing_fence(line, fence) else fence
            continue
        fence = find_opening_fence(line)
        is_item, indented = ITEM.match(line) is not None, line.startswith(("    ", "\t"))
        is_code = indented and not after_text and not in_list
        if fence or not line.strip() or is_code:
            after_text = False
            yield from (remove_code_spans("\n".join(text)),) if text else ()
            text = []
            continue
        # a list goes on over blank lines as long as what follows is indented
        in_list = is_item or (in_list and (after_text or line.startswith((" ", "\t"))))
        after_text = True
        text.append(line)
    yield from (remove_code_spans("\n".join(text)),) if text else ()


def find_opening_fence(line: str) -> str:
    """The fence with which a line begins a block of code, or nothing."""
    item = ITEM.match(line)
    fence = FENCE.fullmatch(line, item.end() if item else 0)
    if fence is None or (fence[1].startswith("`") and "`" in fence[2]):
        return ""
    return fence[1]


def is_closing_fence(line: str, fence: str) -> bool:
    text = line.strip()
    return len(text) >= len(fence) and not text.strip(fence[0])


def remove_code_spans(text: str) -> str:
    """A paragraph without its code spans: those between two runs of backticks of one length."""
    runs = [(run.start(), run.end()) for run in TICKS.finditer(text)]
    places: dict[int, list[int]] = {}
    for start, end in runs:
        places.setdefault(end - start, []).append(start)
    kept: list[str] = []
    reached = 0
    for start, end in runs:
        if start < reached:
            continue
        begin = start + 1 if is_escaped(text, start) else start
        same = places.get(end - begin, [])
        following = bisect_right(same, start)
        if following < len(same):
            kept.append(text[reached:begin])
            reached = same[following] + end - begin
    kept.append(text[reached:])
    return "`".join(kept)


def is_escaped(text: str, place: int) -> bool:
    before = place
    while before > 0 and text[before - 1] == "\\":
        before -= 1
    return (place - before) % 2 == 1
