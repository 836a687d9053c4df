"""Full-text search: every word of the query must begin a word of the subject, the description or a readable message.

FTS5 with triggers on SQLite, generated tsvector columns with GIN on Postgres; both hold words as runs of letters and digits,
without stemming, since tickets quote host names, error codes and many languages.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from models.core.sql import FALSE, TRUE, Condition, all_of, exists

if TYPE_CHECKING:
    from tortoise.backends.base.client import BaseDBAsyncClient

    from models.database import Dialect

WORD_CANDIDATE = re.compile(r"[^\s\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f\ud800-\udfff]+")
"""What lies between white space and ASCII punctuation; the database cuts it further, as it cut what it holds."""
LETTER = re.compile(r"[^\W_]")
MAX_WORDS = 16
MAX_WORD_LENGTH = 100
MAX_TEXT_LENGTH = 20_000
"""Letters of a text in which words are looked for."""

SQLITE = (
    "CREATE VIRTUAL TABLE ticket_search USING fts5("
    "subject, description, tokenize = 'unicode61 remove_diacritics 0', prefix = '2 3')",
    "CREATE VIRTUAL TABLE message_search USING fts5("
    "body, number UNINDEXED, internal UNINDEXED, tokenize = 'unicode61 remove_diacritics 0', prefix = '2 3')",
    "CREATE TRIGGER ticket_search_insert AFTER INSERT ON tickets BEGIN "
    "INSERT INTO ticket_search (rowid, subject, description) VALUES (new.number, new.subject, new.description); END",
    "CREATE TRIGGER ticket_search_update AFTER UPDATE OF subject, description ON tickets BEGIN "
    "UPDATE ticket_search SET subject = new.subject, description = new.description WHERE rowid = new.number; END",
    "CREATE TRIGGER message_search_insert AFTER INSERT ON messages BEGIN "
    "INSERT INTO message_search (body, number, internal) "
    "SELECT new.body, t.number, new.kind = 'note' FROM tickets t WHERE t.id = new.ticket_id; END",
)

# ASCII punctuation and controls become spaces, so that Postgres' parser sees no e-mail addresses, URLs or signs.
TSVECTOR_SQL = r"to_tsvector('simple', regexp_replace({text}, '[\x01-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+', ' ', 'g'))"
POSTGRES = (
    "ALTER TABLE tickets ADD COLUMN search tsvector GENERATED ALWAYS AS ("
    + TSVECTOR_SQL.format(text="subject || ' ' || description")
    + ") STORED",
    "CREATE INDEX tickets_search ON tickets USING gin (search)",
    "ALTER TABLE messages ADD COLUMN search tsvector GENERATED ALWAYS AS (" + TSVECTOR_SQL.format(text="body") + ") STORED",
    "CREATE INDEX messages_search ON messages USING gin (search)",
)

REMOVAL = {
    "sqlite": (
        "DROP TRIGGER message_search_insert",
        "DROP TRIGGER ticket_search_update",
        "DROP TRIGGER ticket_search_insert",
        "DROP TABLE message_search",
        "DROP TABLE ticket_search",
    ),
    "postgres": ("ALTER TABLE messages DROP COLUMN search", "ALTER TABLE tickets DROP COLUMN search"),
}


async def install(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    """Create what search needs, beside the tables that Tortoise makes."""
    for statement in SQLITE if dialect == "sqlite" else POSTGRES:
        await client.execute_query(statement)


async def remove(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    for statement in REMOVAL[dialect]:
        await client.execute_query(statement)


def split_words(text: str) -> list[str]:
    """The words that a query asks for: the first 16, each cut to 100 characters."""
    pieces = (found[0] for found in WORD_CANDIDATE.finditer(text[:MAX_TEXT_LENGTH]) if LETTER.search(found[0]))
    return [piece[:MAX_WORD_LENGTH] for piece in islice(pieces, MAX_WORDS)]


def build_search_condition(text: str, dialect: Dialect, *, include_notes: bool, few_tickets: bool = False) -> Condition:
    """Tickets (alias `t`) that hold every word; a blank query asks for nothing, one without any word finds nothing.

    With `few` it looks into each ticket that is judged, instead of finding all that hold a word.
    """
    if not text.strip():
        return TRUE
    found = split_words(text)
    holding = word_in_ticket if few_tickets else word_in_indexes
    return all_of(holding(word, dialect, include_notes=include_notes) for word in found) if found else FALSE


def word_in_indexes(word: str, dialect: Dialect, *, include_notes: bool) -> Condition:
    if dialect == "sqlite":
        query = f'"{word}"*'
        public = "" if include_notes else " AND internal = 0"
        return Condition(
            "(t.number IN (SELECT rowid FROM ticket_search WHERE ticket_search MATCH ? "
            f"UNION SELECT number FROM message_search WHERE message_search MATCH ?{public}))",
            (query, query),
        )
    query = f"{word}:*"
    public = "" if include_notes else " AND m.kind = 'reply'"
    return Condition(
        "(t.id IN (SELECT f.id FROM tickets f WHERE f.search @@ to_tsquery('simple', ?) "
        f"UNION SELECT m.ticket_id FROM messages m WHERE m.search @@ to_tsquery('simple', ?){public}))",
        (query, query),
    )


def word_in_ticket(word: str, dialect: Dialect, *, include_notes: bool) -> Condition:
    """`holds` for one ticket after the other. On SQLite a word's messages are all looked through: its index knows no tickets."""
    if dialect == "sqlite":
        query = f'"{word}"*'
        public = "" if include_notes else " AND internal = 0"
        own = exists("ticket_search WHERE ticket_search MATCH ? AND rowid = t.number", (query,), per_row=True)
        said = f"message_search WHERE message_search MATCH ? AND number = t.number{public}"
        return own | exists(said, (query,), per_row=True)
    query = f"{word}:*"
    public = "" if include_notes else " AND m.kind = 'reply'"
    own = Condition("(t.search @@ to_tsquery('simple', ?))", (query,))
    said = f"messages m WHERE m.ticket_id = t.id AND m.search @@ to_tsquery('simple', ?){public}"
    return own | exists(said, (query,), per_row=True)
