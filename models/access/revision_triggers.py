"""Database triggers that raise the permission revision when permissions or visibility may change.

The table `rights` has one row with the permission revision, and the log's position at the last
change of visibility. docs/decisions/0015 gives the reason, and the order in which rows are locked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tortoise.backends.base.client import BaseDBAsyncClient

    from models.database import Dialect


@dataclass(frozen=True, slots=True)
class RevisionTrigger:
    """Raises the permission revision on `INSERT`, `DELETE`, or `UPDATE` of one of the columns."""

    table: str
    operation: str
    columns: tuple[str, ...] = ()
    affects_visibility: bool = False
    """Whether viewers may see other tickets afterwards; the log's position is then stored too."""

    @property
    def name(self) -> str:
        """The first column tells the triggers for updates of one table apart."""
        return "_".join(("rights", self.table, self.operation.lower(), *self.columns[:1]))


# Some inserts need no trigger: a new token or user can't have an open connection yet. Deleting an
# API client also deletes its tokens, which fires the trigger on tokens.
TRIGGERS = (
    RevisionTrigger("tokens", "UPDATE", ("revoked_at", "expires_at")),
    RevisionTrigger(
        "tokens", "UPDATE", ("scopes", "kind", "user_id", "client_id"), affects_visibility=True
    ),
    RevisionTrigger("tokens", "DELETE"),
    RevisionTrigger(
        "users", "UPDATE", ("role", "active", "organization_id"), affects_visibility=True
    ),
    RevisionTrigger("users", "DELETE", affects_visibility=True),
    RevisionTrigger("api_clients", "UPDATE", ("active",)),
    RevisionTrigger("organizations", "UPDATE", ("shared",), affects_visibility=True),
    RevisionTrigger("organizations", "DELETE", affects_visibility=True),
    RevisionTrigger("memberships", "INSERT"),
    RevisionTrigger("memberships", "UPDATE", ("team_id", "user_id")),
    RevisionTrigger("memberships", "DELETE"),
)
# Created by migration 0011, later than TRIGGERS.
PARTICIPANT_TRIGGERS = (
    RevisionTrigger("ticket_participants", "INSERT", affects_visibility=True),
    RevisionTrigger(
        "ticket_participants", "UPDATE", ("ticket_id", "user_id"), affects_visibility=True
    ),
    RevisionTrigger("ticket_participants", "DELETE", affects_visibility=True),
)
# Created by migration 0041. A new ticket is shared only after it was inserted.
SHARING_TRIGGERS = (
    RevisionTrigger("tickets", "UPDATE", ("shared_with_organization",), affects_visibility=True),
)

# On Postgres, the trigger runs at the commit and locks log_head first, like a transaction that
# appends an event. So no transaction waits for log_head while it holds the row of `rights`. The
# lock also prevents other transactions from appending events between reading the position and the
# commit.
# An argument of the trigger means that visibility may have changed. xmin is the transaction that
# wrote the row last. So the first change of a transaction raises the revision, and the others
# don't, unless one of them is the first to change visibility: it also has to store the position.
POSTGRES_FUNCTION = """
CREATE FUNCTION raise_rights() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  head bigint;
BEGIN
  SELECT h.position INTO head FROM log_head h FOR NO KEY UPDATE;
  IF TG_NARGS = 0 THEN
    UPDATE rights r SET revision = r.revision + 1 WHERE r.xmin <> pg_current_xact_id()::xid;
  ELSE
    UPDATE rights r SET revision = r.revision + 1, position = head
      WHERE r.xmin <> pg_current_xact_id()::xid OR r.position < head;
  END IF;
  RETURN NULL;
END
$$"""


async def install(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    """Create the first triggers; the migration 0004 calls this once.

    The only row of `rights` starts at the log's current position, because earlier reads of the log
    may have used other permissions.
    """
    await client.execute_query(
        "INSERT INTO rights (id, revision, position) SELECT 1, 0, position FROM log_head"
    )
    if dialect == "postgres":
        await client.execute_query(POSTGRES_FUNCTION)
    await create_triggers(client, dialect, TRIGGERS)


async def create_triggers(
    client: BaseDBAsyncClient, dialect: Dialect, triggers: Sequence[RevisionTrigger]
) -> None:
    build = build_postgres_trigger if dialect == "postgres" else build_sqlite_trigger
    for trigger in triggers:
        await client.execute_query(build(trigger))


async def drop_triggers(
    client: BaseDBAsyncClient, dialect: Dialect, triggers: Sequence[RevisionTrigger]
) -> None:
    for trigger in triggers:
        table = f" ON {trigger.table}" if dialect == "postgres" else ""
        await client.execute_query(f"DROP TRIGGER {trigger.name}{table}")


async def remove(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    """Undo `install`; the migration 0004 calls this when it is undone."""
    await drop_triggers(client, dialect, TRIGGERS)
    if dialect == "postgres":
        await client.execute_query("DROP FUNCTION raise_rights()")
    await client.execute_query("DELETE FROM rights")


def build_postgres_trigger(trigger: RevisionTrigger) -> str:
    argument = "'visibility'" if trigger.affects_visibility else ""
    return (
        f"CREATE CONSTRAINT TRIGGER {trigger.name} AFTER {build_event_clause(trigger)} "
        f"ON {trigger.table} "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
        f"{build_when_clause(trigger, 'IS DISTINCT FROM')}EXECUTE FUNCTION raise_rights({argument})"
    )


def build_sqlite_trigger(trigger: RevisionTrigger) -> str:
    head = "(SELECT position FROM log_head)"
    position = f", position = {head}" if trigger.affects_visibility else ""
    return (
        f"CREATE TRIGGER {trigger.name} AFTER {build_event_clause(trigger)} ON {trigger.table} "
        f"FOR EACH ROW {build_when_clause(trigger, 'IS NOT')}"
        f"BEGIN UPDATE rights SET revision = revision + 1{position}; END"
    )


def build_event_clause(trigger: RevisionTrigger) -> str:
    if not trigger.columns:
        return trigger.operation
    return f"{trigger.operation} OF {', '.join(trigger.columns)}"


def build_when_clause(trigger: RevisionTrigger, differs: str) -> str:
    """The condition that a column changed; `differs` is the dialect's null-safe inequality."""
    if not trigger.columns:
        return ""
    changes = [f"old.{column} {differs} new.{column}" for column in trigger.columns]
    return f"WHEN ({' OR '.join(changes)}) "
