"""Full-text search in tickets, in the messages that the viewer may read, and in people's names.

Each word of the query must be the start of a word of the ticket, or be its number. Python splits
and folds all texts (`models.core.words`), and the databases only compare the stored words. SQLite
uses FTS5 tables with triggers, Postgres generated tsvector columns with GIN indexes.
"""

from __future__ import annotations

import re
from collections.abc import Set
from typing import TYPE_CHECKING, NamedTuple

from models.core.sql import FALSE, TRUE, Condition, all_of, any_of, exists
from models.core.words import split_query
from models.database import Dialect

if TYPE_CHECKING:
    from tortoise.backends.base.client import BaseDBAsyncClient

MAX_WORDS = 16
MAX_QUERY_CHARS = 2000
"""The rest of a longer query is ignored. Some characters stand for a whole sentence, so splitting
this many takes up to 30 milliseconds of the event loop."""
REFERENCE_PREFIX = re.compile(r"\btkt[-‐‑–](?=[0-9])", re.IGNORECASE)
"""The prefix of a ticket's reference, with any hyphen or dash."""
NUMBER = re.compile("[1-9][0-9]{0,9}")

TOKENIZER = "tokenize = 'ascii', prefix = '2 3'"
"""The stored words are already separated by spaces; the tokenizer must not split them further."""
TICKET_COLUMNS = "subject_words, description_words, tag_words"
REDACTION_TRIGGER = (
    # FTS5 keeps replaced words in its segments; models/database/search_index.py removes them, once
    # for each erasure.
    # The index has no key of the message. Of several equal messages, any one can be redacted.
    "CREATE TRIGGER message_search_redact AFTER UPDATE OF body_words ON messages "
    "WHEN old.body_words IS NOT new.body_words BEGIN "
    "UPDATE message_search SET body_words = new.body_words "
    "WHERE rowid = (SELECT MIN(rowid) FROM message_search "
    "WHERE number = (SELECT number FROM tickets WHERE id = new.ticket_id) "
    "AND body_words = old.body_words AND internal = (new.kind = 'note')); END"
)
SQLITE_DDL = (
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


POSTGRES_DDL = (
    *tsvector_column("tickets", TICKET_TSVECTOR_SQL),
    *tsvector_column("messages", TSVECTOR_SQL.format(words="body_words")),
    *tsvector_column("users", TSVECTOR_SQL.format(words="name_words")),
)

DROP_DDL = {
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
    for statement in (*SQLITE_DDL, *SQLITE_REINDEX) if dialect == "sqlite" else POSTGRES_DDL:
        await client.execute_query(statement)


async def install_redaction(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    """Let the index of messages follow redactions. Postgres generates its own."""
    if dialect == "sqlite":
        await client.execute_query(REDACTION_TRIGGER)


async def remove_redaction(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    if dialect == "sqlite":
        await client.execute_query("DROP TRIGGER message_search_redact")


async def remove(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    for statement in DROP_DDL[dialect]:
        await client.execute_query(statement)


def split_words(text: str) -> list[str]:
    """Return the first MAX_WORDS words of a query. A reference such as TKT-42 counts as 42."""
    return split_query(REFERENCE_PREFIX.sub("", text[:MAX_QUERY_CHARS]), MAX_WORDS)


def count_words(text: str) -> int:
    """An upper bound of `len(split_words(text))`, without recognising ticket references."""
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
    frequent_words: Set[str] = frozenset(),
    rare_words: Set[str] = frozenset(),
) -> Condition:
    """Return the condition that a ticket (alias `t`) contains every word of the query.

    `include_people` adds the names of the requester and the assignee. A blank query matches all
    tickets; a query of punctuation matches none. With `few_tickets`, the database searches each
    ticket, instead of finding all tickets that contain a word. `frequent_words` are also matched
    per ticket, if a rarer word narrows the result. For `rare_words`, the tickets are found first.
    """
    if not text.strip():
        return TRUE
    words = split_words(text)
    if not words:
        return FALSE
    are_all_frequent = set(words) <= frequent_words
    scope = SearchScope(dialect, include_notes, include_people)
    return all_of(
        contains_per_ticket_sql(word, scope)
        if few_tickets or (word in frequent_words and not are_all_frequent)
        else contains_by_index_sql(word, scope, is_rare=word in rare_words)
        for word in words
    )


def build_name_condition(text: str, dialect: Dialect) -> Condition:
    """The condition that each word of the text is the start of a word of a user's name (alias `u`).

    A text without words matches nobody.
    """
    words = split_query(text[:MAX_QUERY_CHARS], MAX_WORDS)
    if not words:
        return FALSE
    if dialect == "sqlite":
        query = " ".join(f'"{word}"*' for word in words)
        found = "SELECT user_id FROM user_search WHERE user_search MATCH ?"
        return Condition(f"(u.id IN ({found}))", (query,))
    query = " & ".join(f"'{word}':*" for word in words)
    return Condition("(u.search @@ ?::text::tsquery)", (query,))


class SearchScope(NamedTuple):
    """The dialect of the database, and whether notes and people's names are searched, too."""

    dialect: Dialect
    include_notes: bool
    include_people: bool


class IndexScan(NamedTuple):
    """Finds the tickets with a word by an index. `source` follows FROM, `key` is the ticket's."""

    key: str
    source: str
    param: object


def build_index_scans(word: str, scope: SearchScope) -> list[IndexScan]:
    """The scans that together find all tickets with the word: by number in SQLite, else by id."""
    if scope.dialect == "sqlite":
        query, key = f'"{word}"*', "number"
        notes = "" if scope.include_notes else " AND internal = 0"
        people = "(SELECT user_id FROM user_search WHERE user_search MATCH ?)"
        scans = [
            IndexScan("rowid", "ticket_search WHERE ticket_search MATCH ?", query),
            IndexScan("number", f"message_search WHERE message_search MATCH ?{notes}", query),
        ]
    else:
        query, key = f"'{word}':*", "id"
        notes = "" if scope.include_notes else " AND m.kind = 'reply'"
        people = "(SELECT u.id FROM users u WHERE u.search @@ ?::text::tsquery)"
        messages = f"messages m WHERE m.search @@ ?::text::tsquery{notes}"
        scans = [
            IndexScan("f.id", "tickets f WHERE f.search @@ ?::text::tsquery", query),
            IndexScan("m.ticket_id", messages, query),
        ]
    if scope.include_people:
        scans += [
            IndexScan(f"p.{key}", f"tickets p WHERE p.{role} IN {people}", query)
            for role in ("requester_id", "assignee_id")
        ]
    number = parse_number(word)
    if number is not None:
        scans.append(IndexScan(f"n.{key}", "tickets n WHERE n.number = ?", number))
    return scans


def contains_by_index_sql(word: str, scope: SearchScope, *, is_rare: bool) -> Condition:
    """Whether the ticket is among all tickets that contain the word."""
    scans = build_index_scans(word, scope)
    key = "number" if scope.dialect == "sqlite" else "id"
    union = " UNION ".join(f"SELECT {scan.key} FROM {scan.source}" for scan in scans)
    if is_rare and scope.dialect == "postgres":
        # Postgres expects each word in 1 % of all tickets. So it would check the tickets one by one
        # in the order of the list: all of them, if few match. Of an array it expects 10 rows.
        union = f"SELECT unnest(ARRAY({union}))"
    return Condition(f"(t.{key} IN ({union}))", tuple(scan.param for scan in scans))


def count_by_index_sql(word: str, scope: SearchScope, limit: int) -> Condition:
    """An expression for the number of rows that the index has for the word, but at most `limit`.

    `contains_by_index_sql` must read so many rows.
    """
    scans = build_index_scans(word, scope)
    union = " UNION ALL ".join(f"SELECT 1 FROM {scan.source}" for scan in scans)
    text = f"(SELECT COUNT(*) FROM (SELECT 1 FROM ({union}) r LIMIT {limit}) s)"
    return Condition(text, tuple(scan.param for scan in scans))


def contains_per_ticket_sql(word: str, scope: SearchScope) -> Condition:
    """Whether the ticket contains the word.

    SQLite compares the stored words, because its index can't select messages by ticket.
    """
    if scope.dialect == "sqlite":
        param = f" {word}"
        words = "' ' || t.subject_words || ' ' || t.description_words || ' ' || t.tag_words"
        own = Condition(f"(instr({words}, ?) > 0)", (param,))
        in_message = "instr(' ' || m.body_words, ?) > 0"
        in_name = "instr(' ' || u.name_words, ?) > 0"
    else:
        param = f"'{word}':*"
        own = Condition("(t.search @@ ?::text::tsquery)", (param,))
        in_message, in_name = "m.search @@ ?::text::tsquery", "u.search @@ ?::text::tsquery"
    notes = "" if scope.include_notes else " AND m.kind = 'reply'"
    messages = f"messages m WHERE m.ticket_id = t.id AND {in_message}{notes}"
    conditions = [own, exists(messages, (param,), per_row=True)]
    if scope.include_people:
        of_ticket = f"users u WHERE u.id IN (t.requester_id, t.assignee_id) AND {in_name}"
        conditions.append(exists(of_ticket, (param,), per_row=True))
    number = parse_number(word)
    if number is not None:
        conditions.append(Condition("(t.number = ?)", (number,)))
    return any_of(conditions)
