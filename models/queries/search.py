"""Full-text search in subject, description and the messages that the viewer may read.

Each word of the query must be the start of a word of the ticket. SQLite uses FTS5 tables with
triggers, Postgres generated tsvector columns with GIN indexes. Both index runs of letters and
digits, without stemming, because tickets quote host names and error codes, in many languages.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from models.core.sql import FALSE, TRUE, Condition, all_of, exists
from models.database import Dialect

if TYPE_CHECKING:
    from tortoise.backends.base.client import BaseDBAsyncClient

WORD_CANDIDATE = re.compile(r"[^\s\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f\ud800-\udfff]+")
"""The text between white space and ASCII punctuation.

The database splits it further, in the same way as the indexed text.
"""
LETTER_OR_DIGIT = re.compile(r"[^\W_]")
MAX_WORDS = 16
MAX_WORD_CHARS = 100
MAX_QUERY_CHARS = 20_000
"""The rest of a longer query is ignored."""

TOKENIZER = "tokenize = 'unicode61 remove_diacritics 0', prefix = '2 3'"
SQLITE = (
    f"CREATE VIRTUAL TABLE ticket_search USING fts5(subject, description, {TOKENIZER})",
    "CREATE VIRTUAL TABLE message_search USING fts5("
    f"body, number UNINDEXED, internal UNINDEXED, {TOKENIZER})",
    "CREATE TRIGGER ticket_search_insert AFTER INSERT ON tickets BEGIN "
    "INSERT INTO ticket_search (rowid, subject, description) "
    "VALUES (new.number, new.subject, new.description); END",
    "CREATE TRIGGER ticket_search_update AFTER UPDATE OF subject, description ON tickets BEGIN "
    "UPDATE ticket_search SET subject = new.subject, description = new.description "
    "WHERE rowid = new.number; END",
    "CREATE TRIGGER message_search_insert AFTER INSERT ON messages BEGIN "
    "INSERT INTO message_search (body, number, internal) "
    "SELECT new.body, t.number, new.kind = 'note' FROM tickets t WHERE t.id = new.ticket_id; END",
)

# ASCII punctuation and control characters become spaces, so that Postgres' parser finds no email
# addresses, URLs or signed numbers.
TSVECTOR_SQL = (
    "to_tsvector('simple', regexp_replace("
    r"{text}, '[\x01-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+', ' ', 'g'))"
)
TICKET_TSVECTOR_SQL = TSVECTOR_SQL.format(text="subject || ' ' || description")
MESSAGE_TSVECTOR_SQL = TSVECTOR_SQL.format(text="body")
POSTGRES = (
    f"ALTER TABLE tickets ADD COLUMN search tsvector GENERATED ALWAYS AS ({TICKET_TSVECTOR_SQL}) "
    "STORED",
    "CREATE INDEX tickets_search ON tickets USING gin (search)",
    "ALTER TABLE messages ADD COLUMN search tsvector "
    f"GENERATED ALWAYS AS ({MESSAGE_TSVECTOR_SQL}) STORED",
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
    "postgres": (
        "ALTER TABLE messages DROP COLUMN search",
        "ALTER TABLE tickets DROP COLUMN search",
    ),
}


async def install(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    """Create the search tables, triggers, columns and indexes that Tortoise can't declare."""
    for statement in SQLITE if dialect == "sqlite" else POSTGRES:
        await client.execute_query(statement)


async def remove(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    for statement in REMOVAL[dialect]:
        await client.execute_query(statement)


def split_words(text: str) -> list[str]:
    """Return the first 16 words of a query, each cut to 100 characters."""
    matches = WORD_CANDIDATE.finditer(text[:MAX_QUERY_CHARS])
    words = (match[0] for match in matches if LETTER_OR_DIGIT.search(match[0]))
    return [word[:MAX_WORD_CHARS] for word in islice(words, MAX_WORDS)]


def build_search_condition(
    text: str, dialect: Dialect, *, include_notes: bool, few_tickets: bool = False
) -> Condition:
    """Return the condition that a ticket (alias `t`) contains every word of the query.

    A blank query matches all tickets; a query of punctuation matches none. With `few_tickets`, the
    database searches each ticket, instead of finding all tickets that contain a word.
    """
    if not text.strip():
        return TRUE
    words = split_words(text)
    if not words:
        return FALSE
    contains = ticket_contains if few_tickets else ticket_is_found
    return all_of(contains(word, dialect, include_notes=include_notes) for word in words)


def ticket_is_found(word: str, dialect: Dialect, *, include_notes: bool) -> Condition:
    """Whether the ticket is among all tickets that contain the word."""
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
        "UNION SELECT m.ticket_id FROM messages m "
        f"WHERE m.search @@ to_tsquery('simple', ?){public}))",
        (query, query),
    )


def ticket_contains(word: str, dialect: Dialect, *, include_notes: bool) -> Condition:
    """Whether the ticket contains the word.

    On SQLite this scans all messages with the word, because the index can't select by ticket.
    """
    if dialect == "sqlite":
        query = f'"{word}"*'
        public = "" if include_notes else " AND internal = 0"
        own = "ticket_search WHERE ticket_search MATCH ? AND rowid = t.number"
        messages = f"message_search WHERE message_search MATCH ? AND number = t.number{public}"
        return exists(own, (query,), per_row=True) | exists(messages, (query,), per_row=True)
    query = f"{word}:*"
    public = "" if include_notes else " AND m.kind = 'reply'"
    has_own = Condition("(t.search @@ to_tsquery('simple', ?))", (query,))
    messages = (
        f"messages m WHERE m.ticket_id = t.id AND m.search @@ to_tsquery('simple', ?){public}"
    )
    return has_own | exists(messages, (query,), per_row=True)
