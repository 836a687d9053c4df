"""Words for the full-text search, split and folded in Python, and the search tables and columns over them."""

from importlib import import_module

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from models.core.words import WordsField, index_words
from models.queries.text_search import search

first_search = import_module("migrations.0002_install")
BATCH_ROWS = 100
TEXT_COLUMNS = {
    "tickets": {"subject": "subject_words", "description": "description_words"},
    "messages": {"body": "body_words"},
    "users": {"display_name": "name_words"},
}


async def store_words(client, dialect, table, columns):
    """Store the words of a table's texts, in batches by id, because memory can't hold all texts."""
    place = "?" if dialect == "sqlite" else "$1"
    names = ", ".join(columns)
    values = ", ".join(f"{words} = {mark(dialect, n)}" for n, words in enumerate(columns.values()))
    update = f"UPDATE {table} SET {values} WHERE id = {mark(dialect, len(columns))}"
    condition, params = "", []
    while True:
        rows = await client.execute_query_dict(
            f"SELECT id, {names} FROM {table} {condition} ORDER BY id LIMIT {BATCH_ROWS}", params
        )
        if not rows:
            return
        await client.execute_many(
            update, [[*(index_words(row[name]) for name in columns), row["id"]] for row in rows]
        )
        condition, params = f"WHERE id > {place}", [rows[-1]["id"]]


def mark(dialect, index):
    return "?" if dialect == "sqlite" else f"${index + 1}"


async def store_tag_words(client, dialect):
    """Store the words of the tags of each ticket that has tags."""
    update = f"UPDATE tickets SET tag_words = {mark(dialect, 0)} WHERE id = {mark(dialect, 1)}"
    condition, params = "", []
    while True:
        tickets = await client.execute_query_dict(
            f"SELECT DISTINCT ticket_id FROM ticket_tags {condition} "
            f"ORDER BY ticket_id LIMIT {BATCH_ROWS}",
            params,
        )
        if not tickets:
            return
        ids = [row["ticket_id"] for row in tickets]
        marks = ", ".join(mark(dialect, index) for index in range(len(ids)))
        tags = {}
        for row in await client.execute_query_dict(
            f"SELECT ticket_id, name FROM ticket_tags WHERE ticket_id IN ({marks})", ids
        ):
            tags.setdefault(row["ticket_id"], []).append(row["name"])
        await client.execute_many(
            update, [[index_words(" ".join(names)), id] for id, names in tags.items()]
        )
        condition, params = f"WHERE ticket_id > {mark(dialect, 0)}", [ids[-1]]


async def forwards(apps, editor):
    client, dialect = editor.client, editor.DIALECT
    await first_search.remove_search(client, dialect)
    for table, columns in TEXT_COLUMNS.items():
        await store_words(client, dialect, table, columns)
    await store_tag_words(client, dialect)
    await search.install(client, dialect)


async def backwards(apps, editor):
    await search.remove(editor.client, editor.DIALECT)
    await first_search.install_search(editor.client, editor.DIALECT)


class Migration(migrations.Migration):
    dependencies = [('models', '0011_participants')]

    initial = False

    operations = [
        ops.AddField(model_name='Ticket', name='subject_words', field=WordsField('subject')),
        ops.AddField(model_name='Ticket', name='description_words', field=WordsField('description')),
        ops.AddField(model_name='Ticket', name='tag_words', field=fields.TextField(default='', db_default='')),
        ops.AddField(model_name='Message', name='body_words', field=WordsField('body')),
        ops.AddField(model_name='User', name='name_words', field=WordsField('display_name')),
        ops.RunPython(forwards, backwards),
    ]
