"""Search, ticket numbers and the log's head, which Tortoise's operations can't create (see models/install.py)."""

from tortoise import migrations
from tortoise.migrations import operations as ops

from models.install import install_counters, remove_counters

# The first search, which 0012_search replaces.
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


async def install_search(client, dialect):
    for statement in SQLITE if dialect == "sqlite" else POSTGRES:
        await client.execute_query(statement)


async def remove_search(client, dialect):
    for statement in REMOVAL[dialect]:
        await client.execute_query(statement)


async def forwards(apps, editor):
    await install_search(editor.client, editor.DIALECT)
    await install_counters(editor.client, editor.DIALECT)


async def backwards(apps, editor):
    await remove_counters(editor.client, editor.DIALECT)
    await remove_search(editor.client, editor.DIALECT)


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    operations = [ops.RunPython(forwards, backwards)]
