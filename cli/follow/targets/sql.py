"""The statements of targets in SQL. SQLite and Postgres differ in types and placeholders only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from cli.follow.columns import AS_OF, Kind, Table
from cli.follow.position import Position
from cli.follow.tables import SCHEMA_VERSION, TABLES

STATE_TABLE = "mirror"
POSITION_COLUMNS = [field.name for field in fields(Position)]
STATE_TYPES = ", ".join(
    f"{name} {{text}}{' NOT NULL' if name == 'stage' else ''}" for name in POSITION_COLUMNS
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """The differences between the databases.

    types        the column types by kind
    prefix       what stands before the names of tables
    placeholder  the placeholder of the parameter with this number, from 1
    now          the expression for the current time
    """

    types: Mapping[Kind, str]
    prefix: str
    placeholder: Callable[[int], str]
    now: str

    @property
    def state_table(self) -> str:
        return f"{self.prefix}{STATE_TABLE}"

    def create_statements(self) -> list[str]:
        """The statements that create all tables and the row with the position."""
        statements = [
            f"CREATE TABLE {self.state_table} ("
            "id integer PRIMARY KEY CHECK (id = 1), schema_version integer NOT NULL, "
            f"revision integer NOT NULL, {STATE_TYPES.format(text=self.types['text'])}, "
            f"updated_at {self.types['time']} NOT NULL)"
        ]
        for table in TABLES:
            statements.append(self.create_table(table))
            statements += self.create_indexes(table)
        statements.append(
            f"INSERT INTO {self.state_table} (id, schema_version, revision, stage, updated_at) "
            f"VALUES (1, {SCHEMA_VERSION}, 0, '{Position().stage}', {self.now})"
        )
        return statements

    def create_table(self, table: Table) -> str:
        key = table.columns[0]
        columns = [
            f"{column.name} {self.types[column.kind]}"
            + (" PRIMARY KEY" if column is key else " NOT NULL" if column.required else "")
            for column in table.columns
        ]
        return f"CREATE TABLE {self.prefix}{table.name} ({', '.join(columns)})"

    def create_indexes(self, table: Table) -> list[str]:
        return [
            f"CREATE {'UNIQUE ' if column.index == 'unique' else ''}INDEX "
            f"{table.name}_{column.name} ON {self.prefix}{table.name} ({column.name})"
            for column in table.columns
            if column.index
        ]

    def upsert(self, table: Table) -> str:
        """Inserts a row, or replaces one that is not newer."""
        names = table.column_names
        places = ", ".join(self.placeholder(number) for number in range(1, len(names) + 1))
        updates = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
        return (
            f"INSERT INTO {self.prefix}{table.name} AS present ({', '.join(names)}) "
            f"VALUES ({places}) ON CONFLICT ({names[0]}) DO UPDATE SET {updates} "
            f"WHERE present.{AS_OF} <= excluded.{AS_OF}"
        )

    def read_state(self) -> str:
        names = ", ".join(POSITION_COLUMNS)
        return f"SELECT schema_version, revision, {names} FROM {self.state_table}"

    def update_state(self) -> str:
        """Stores a position, if nobody else has changed it. The last parameter is the revision."""
        last = len(POSITION_COLUMNS) + 1
        changes = ", ".join(
            f"{name} = {self.placeholder(number)}"
            for number, name in enumerate(POSITION_COLUMNS, 1)
        )
        return (
            f"UPDATE {self.state_table} SET {changes}, revision = revision + 1, "
            f"updated_at = {self.now} WHERE revision = {self.placeholder(last)}"
        )


def position_values(position: Position) -> list[str | None]:
    return [getattr(position, name) for name in POSITION_COLUMNS]


def describe_other_version(target: str, version: object) -> str:
    return (
        f"{target} has version {version} of the tables; this program needs version "
        f"{SCHEMA_VERSION}. Use a new target, or the program that created it"
    )


def describe_other_content(target: str) -> str:
    return f"{target} has tables that are not a mirror. Use an empty one"


CHANGED_BY_OTHERS = "another follower has changed {}; only one at a time can use it"
