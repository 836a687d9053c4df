"""Database triggers that raise the permission revision when a row changes that decides what a viewer may see or do.

docs/decisions/0015 gives the reason, and the order in which rows are locked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tortoise.backends.base.client import BaseDBAsyncClient

    from models.database import Dialect


@dataclass(frozen=True, slots=True)
class RevisionTrigger:
    """A change that raises the revision: `INSERT`, `DELETE`, or an `UPDATE` that gives one of the columns another value."""

    table: str
    operation: str
    columns: tuple[str, ...] = ()
    affects_visibility: bool = False
    """Whether it may change which tickets somebody sees; then the log's position is noted with it."""

    @property
    def name(self) -> str:
        return "_".join(("rights", self.table, self.operation.lower(), *self.columns[:1]))


# A new token, person or account has no socket yet; a machine that is deleted takes its tokens along.
TRIGGERS = (
    RevisionTrigger("tokens", "UPDATE", ("revoked_at", "expires_at")),
    RevisionTrigger("tokens", "UPDATE", ("scopes", "kind", "user_id", "client_id"), affects_visibility=True),
    RevisionTrigger("tokens", "DELETE"),
    RevisionTrigger("users", "UPDATE", ("role", "active", "organization_id"), affects_visibility=True),
    RevisionTrigger("users", "DELETE", affects_visibility=True),
    RevisionTrigger("api_clients", "UPDATE", ("active",)),
    RevisionTrigger("organizations", "UPDATE", ("shared",), affects_visibility=True),
    RevisionTrigger("organizations", "DELETE", affects_visibility=True),
    RevisionTrigger("memberships", "INSERT"),
    RevisionTrigger("memberships", "UPDATE", ("team_id", "user_id")),
    RevisionTrigger("memberships", "DELETE"),
)

# At the commit, and the head first, as after an entry: nobody waits for the head with the rights in hand. With the head in
# hand no entry can come between the position noted and the commit. One raise for a transaction, however many rows it changed.
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
    """Run once, where the tables are. What was read of the log before may have been read with other rights."""
    await client.execute_query("INSERT INTO rights (id, revision, position) SELECT 1, 0, position FROM log_head")
    if dialect == "postgres":
        await client.execute_query(POSTGRES_FUNCTION)
    for trigger in TRIGGERS:
        await client.execute_query(postgres_trigger(trigger) if dialect == "postgres" else sqlite_trigger(trigger))


async def remove(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    for trigger in TRIGGERS:
        table = f" ON {trigger.table}" if dialect == "postgres" else ""
        await client.execute_query(f"DROP TRIGGER {trigger.name}{table}")
    if dialect == "postgres":
        await client.execute_query("DROP FUNCTION raise_rights()")
    await client.execute_query("DELETE FROM rights")


def postgres_trigger(trigger: RevisionTrigger) -> str:
    noted = "'sight'" if trigger.affects_visibility else ""
    return (
        f"CREATE CONSTRAINT TRIGGER {trigger.name} AFTER {event_clause(trigger)} ON {trigger.table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
        f"{when_clause(trigger, 'IS DISTINCT FROM')}EXECUTE FUNCTION raise_rights({noted})"
    )


def sqlite_trigger(trigger: RevisionTrigger) -> str:
    noted = ", position = (SELECT position FROM log_head)" if trigger.affects_visibility else ""
    return (
        f"CREATE TRIGGER {trigger.name} AFTER {event_clause(trigger)} ON {trigger.table} FOR EACH ROW {when_clause(trigger, 'IS NOT')}"
        f"BEGIN UPDATE rights SET revision = revision + 1{noted}; END"
    )


def event_clause(trigger: RevisionTrigger) -> str:
    return f"{trigger.operation} OF {', '.join(trigger.columns)}" if trigger.columns else trigger.operation


def when_clause(trigger: RevisionTrigger, differs: str) -> str:
    changed = " OR ".join(f"old.{column} {differs} new.{column}" for column in trigger.columns)
    return f"WHEN ({changed}) " if changed else ""
