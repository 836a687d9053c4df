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
class Watch:
    """A change that raises the revision: `INSERT`, `DELETE`, or an `UPDATE` that gives one of the columns another value."""

    table: str
    act: str
    columns: tuple[str, ...] = ()
    sight: bool = False
    """Whether it may change which tickets somebody sees; then the log's position is noted with it."""

    @property
    def name(self) -> str:
        return "_".join(("rights", self.table, self.act.lower(), *self.columns[:1]))


# A new token, person or account has no socket yet; a machine that is deleted takes its tokens along.
WATCHED = (
    Watch("tokens", "UPDATE", ("revoked_at", "expires_at")),
    Watch("tokens", "UPDATE", ("scopes", "kind", "user_id", "client_id"), sight=True),
    Watch("tokens", "DELETE"),
    Watch("users", "UPDATE", ("role", "active", "organization_id"), sight=True),
    Watch("users", "DELETE", sight=True),
    Watch("api_clients", "UPDATE", ("active",)),
    Watch("organizations", "UPDATE", ("shared",), sight=True),
    Watch("organizations", "DELETE", sight=True),
    Watch("memberships", "INSERT"),
    Watch("memberships", "UPDATE", ("team_id", "user_id")),
    Watch("memberships", "DELETE"),
)

# At the commit, and the head first, as after an entry: nobody waits for the head with the rights in hand. With the head in
# hand no entry can come between the position noted and the commit. One raise for a transaction, however many rows it changed.
POSTGRES = """
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
        await client.execute_query(POSTGRES)
    for watch in WATCHED:
        await client.execute_query(on_postgres(watch) if dialect == "postgres" else on_sqlite(watch))


async def remove(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    for watch in WATCHED:
        table = f" ON {watch.table}" if dialect == "postgres" else ""
        await client.execute_query(f"DROP TRIGGER {watch.name}{table}")
    if dialect == "postgres":
        await client.execute_query("DROP FUNCTION raise_rights()")
    await client.execute_query("DELETE FROM rights")


def on_postgres(watch: Watch) -> str:
    noted = "'sight'" if watch.sight else ""
    return (
        f"CREATE CONSTRAINT TRIGGER {watch.name} AFTER {act(watch)} ON {watch.table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
        f"{condition(watch, 'IS DISTINCT FROM')}EXECUTE FUNCTION raise_rights({noted})"
    )


def on_sqlite(watch: Watch) -> str:
    noted = ", position = (SELECT position FROM log_head)" if watch.sight else ""
    return (
        f"CREATE TRIGGER {watch.name} AFTER {act(watch)} ON {watch.table} FOR EACH ROW {condition(watch, 'IS NOT')}"
        f"BEGIN UPDATE rights SET revision = revision + 1{noted}; END"
    )


def act(watch: Watch) -> str:
    return f"{watch.act} OF {', '.join(watch.columns)}" if watch.columns else watch.act


def condition(watch: Watch, differs: str) -> str:
    changed = " OR ".join(f"old.{column} {differs} new.{column}" for column in watch.columns)
    return f"WHEN ({changed}) " if changed else ""
