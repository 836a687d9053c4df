"""Full-text search in tickets, in the messages that the viewer may read, and in people's names.

Each word of the query must be the start of a word of the ticket, or be its number. Python splits
and folds all texts (`models.core.words`), and the databases only compare the stored words. SQLite
uses FTS5 tables with triggers, Postgres generated tsvector columns with GIN indexes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from models.core.sql import FALSE, TRUE, Condition, all_of, any_of, exists
from models.core.words import split_query
from models.database import Dialect

if TYPE_CHECKING:
    from tortoise.backends.base.client import BaseDBAsyncClient

MAX_WORDS = 16
MAX_QUERY_CHARS = 2000
"""The rest of a longer query is ignored. Some characters stand for a whole sentence, so splitting
this many takes up to 30 milliseconds of the event loop."""
REFERENCE = re.compile(r"\btkt[-‐‑–](?=[0-9])", re.IGNORECASE)
"""The prefix of a ticket's reference, with any hyphen or dash."""
NUMBER = re.compile("[1-9][0-9]{0,9}")

TOKENIZER = "tokenize = 'ascii', prefix = '2 3'"
"""The words are separated by spaces already, and this tokenizer divides no letter from another."""
TICKET_COLUMNS = "subject_words, description_words, tag_words"
SQLITE = (
    f"CREATE VIRTUAL TABLE ticket_search USING fts5({TICKET_COLUMNS}, {TOKENIZER})",
    "CREATE VIRTUAL TABLE message_search USING fts5("
    f"body_words, number UNINDEXED, internal UNINDEXED, {TOKENIZER})",
    f"CREATE VIRTUAL TABLE user_search USING fts5(name_words, user_id UNINDEXED, {TOKENIZER})",
    "CREATE TRIGGER ticket_search_insert AFTER INSERT ON tickets BEGIN "
    f"INSERT INTO ticket_search (rowid, {TICKET_COLUMNS}) "
    "VALUES (new.number, new.subject_words, new.description_words, new.tag_words); END",
    f"CREATE TRIGGER ticket_search_update AFTER UPDATE OF {TICKET_COLUMNS} ON tickets BEGIN "
    "UPDATE ticket_search SET subject_words = new.subject_words, "
    "description_words = new.description_words, tag_words = new.tag_words "
    "WHERE rowid = new.number; END",
    "CREATE TRIGGER message_search_insert AFTER INSERT ON messages BEGIN "
    "INSERT INTO message_search (body_words, number, internal) "
    "SELECT new.body_words, t.number, new.kind = 'note' FROM tickets t "
    "WHERE t.id = new.ticket_id; END",
    # The index has no key of the message. Of several equal messages, any one can move.
    "CREATE TRIGGER message_search_move AFTER UPDATE OF ticket_id ON messages BEGIN "
    "UPDATE message_search SET number = (SELECT number FROM tickets WHERE id = new.ticket_id) "
    "WHERE rowid = (SELECT MIN(rowid) FROM message_search "
    "WHERE number = (SELECT number FROM tickets WHERE id = old.ticket_id) "
    "AND body_words = new.body_words AND internal = (new.kind = 'note')); END",
    "CREATE TRIGGER user_search_insert AFTER INSERT ON users BEGIN "
    "INSERT INTO user_search (name_words, user_id) VALUES (new.name_words, new.id); END",
    # These scan user_search; people are seldom renamed or deleted.
    "CREATE TRIGGER user_search_update AFTER UPDATE OF name_words ON users BEGIN "
    "UPDATE user_search SET name_words = new.name_words WHERE user_id = new.id; END",
    "CREATE TRIGGER user_search_delete AFTER DELETE ON users BEGIN "
    "DELETE FROM user_search WHERE user_id = old.id; END",
)
SQLITE_REINDEX = (
    f"INSERT INTO ticket_search (rowid, {TICKET_COLUMNS}) "
    f"SELECT number, {TICKET_COLUMNS} FROM tickets",
    "INSERT INTO message_search (body_words, number, internal) "
    "SELECT m.body_words, t.number, m.kind = 'note' FROM messages m "
    "JOIN tickets t ON t.id = m.ticket_id",
    "INSERT INTO user_search (name_words, user_id) SELECT name_words, id FROM users",
)
"""Fill the tables with the words of existing rows."""

TSVECTOR_SQL = "array_to_tsvector(string_to_array(btrim({words}), ' '))"
TICKET_TSVECTOR_SQL = TSVECTOR_SQL.format(
    # Two spaces in the middle, if there is no description, would give an empty word.
    words="replace(subject_words || ' ' || description_words || ' ' || tag_words, '  ', ' ')"
)


def tsvector_column(table: str, vector: str) -> tuple[str, str]:
    return (
        f"ALTER TABLE {table} ADD COLUMN search tsvector GENERATED ALWAYS AS ({vector}) STORED",
        f"CREATE INDEX {table}_search ON {table} USING gin (search)",
    )


POSTGRES = (
    *tsvector_column("tickets", TICKET_TSVECTOR_SQL),
    *tsvector_column("messages", TSVECTOR_SQL.format(words="body_words")),
    *tsvector_column("users", TSVECTOR_SQL.format(words="name_words")),
)

REMOVAL = {
    "sqlite": (
        *(f"DROP TRIGGER user_search_{event}" for event in ("delete", "update", "insert")),
        *(f"DROP TRIGGER message_search_{event}" for event in ("move", "insert")),
        "DROP TRIGGER ticket_search_update",
        "DROP TRIGGER ticket_search_insert",
        *(f"DROP TABLE {table}_search" for table in ("user", "message", "ticket")),
    ),
    "postgres": tuple(
        f"ALTER TABLE {table} DROP COLUMN search" for table in ("users", "messages", "tickets")
    ),
}


async def install(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    """Create the search tables, triggers, columns and indexes that Tortoise can't declare."""
    for statement in (*SQLITE, *SQLITE_REINDEX) if dialect == "sqlite" else POSTGRES:
        await client.execute_query(statement)


async def remove(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    for statement in REMOVAL[dialect]:
        await client.execute_query(statement)


def split_words(text: str) -> list[str]:
    """Return the first 16 words of a query. A ticket's reference is the word of its number."""
    return split_query(REFERENCE.sub("", text[:MAX_QUERY_CHARS]), MAX_WORDS)


def count_words(text: str) -> int:
    """Return at least the number of words of `split_words`, for the cost of a query."""
    return len(split_query(text[:MAX_QUERY_CHARS], MAX_WORDS))


def parse_number(word: str) -> int | None:
    """The ticket number that the word may be."""
    return int(word) if NUMBER.fullmatch(word) else None


def build_search_condition(
    text: str,
    dialect: Dialect,
    *,
    include_notes: bool,
    include_people: bool = False,
    few_tickets: bool = False,
) -> Condition:
    """Return the condition that a ticket (alias `t`) contains every word of the query.

    `include_people` adds the names of the requester and the assignee. A blank query matches all
    tickets; a query of punctuation matches none. With `few_tickets`, the database searches each
    ticket, instead of finding all tickets that contain a word.
    """
    if not text.strip():
        return TRUE
    words = split_words(text)
    if not words:
        return FALSE
    find = find_per_ticket if few_tickets else find_by_index
    return all_of(
        find(word, dialect, include_notes=include_notes, include_people=include_people)
        for word in words
    )


def find_by_index(
    word: str, dialect: Dialect, *, include_notes: bool, include_people: bool
) -> Condition:
    """Whether the ticket is among all tickets that contain the word."""
    if dialect == "sqlite":
        query = f'"{word}"*'
        notes = "" if include_notes else " AND internal = 0"
        people = "(SELECT user_id FROM user_search WHERE user_search MATCH ?)"
        key = "number"
        parts = [
            "SELECT rowid FROM ticket_search WHERE ticket_search MATCH ?",
            f"SELECT number FROM message_search WHERE message_search MATCH ?{notes}",
        ]
    else:
        query = f"'{word}':*"
        notes = "" if include_notes else " AND m.kind = 'reply'"
        people = "(SELECT u.id FROM users u WHERE u.search @@ ?::text::tsquery)"
        key = "id"
        parts = [
            "SELECT f.id FROM tickets f WHERE f.search @@ ?::text::tsquery",
            f"SELECT m.ticket_id FROM messages m WHERE m.search @@ ?::text::tsquery{notes}",
        ]
    if include_people:
        for role in ("requester_id", "assignee_id"):
            parts.append(f"SELECT p.{key} FROM tickets p WHERE p.{role} IN {people}")
    params: list[object] = [query] * len(parts)
    number = parse_number(word)
    if number is not None:
        parts.append(f"SELECT n.{key} FROM tickets n WHERE n.number = ?")
        params.append(number)
    return Condition(f"(t.{key} IN ({' UNION '.join(parts)}))", tuple(params))


def find_per_ticket(
    word: str, dialect: Dialect, *, include_notes: bool, include_people: bool
) -> Condition:
    """Whether the ticket contains the word.

    On SQLite this scans all messages with the word, because the index can't select by ticket.
    """
    if dialect == "sqlite":
        query = f'"{word}"*'
        notes = "" if include_notes else " AND internal = 0"
        own = exists(
            "ticket_search WHERE ticket_search MATCH ? AND rowid = t.number", (query,), per_row=True
        )
        messages = f"message_search WHERE message_search MATCH ? AND number = t.number{notes}"
        people = "user_search WHERE user_search MATCH ? AND user_id IN "
    else:
        query = f"'{word}':*"
        notes = "" if include_notes else " AND m.kind = 'reply'"
        own = Condition("(t.search @@ ?::text::tsquery)", (query,))
        messages = f"messages m WHERE m.ticket_id = t.id AND m.search @@ ?::text::tsquery{notes}"
        people = "users u WHERE u.search @@ ?::text::tsquery AND u.id IN "
    conditions = [own, exists(messages, (query,), per_row=True)]
    if include_people:
        of_ticket = f"{people}(t.requester_id, t.assignee_id)"
        conditions.append(exists(of_ticket, (query,), per_row=True))
    number = parse_number(word)
    if number is not None:
        conditions.append(Condition("(t.number = ?)", (number,)))
    return any_of(conditions)
