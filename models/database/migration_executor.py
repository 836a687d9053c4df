"""Tortoise's executor of migrations, with two changes. We know no upstream issue for either.

Tortoise 1.1.9 removes a column on SQLite by copying the table, without its indexes, triggers and
constraints of several columns. SQLite can remove a column itself since version 3.35.

It also builds all classes of records anew before each operation, for the few operations that use
the state before. Building them only when they are used halves the time to migrate a new database.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tortoise.fields.relational import ManyToManyFieldInstance
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.schema_editor import BaseSchemaEditor, SqliteSchemaEditor
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps

if TYPE_CHECKING:
    from tortoise.fields.base import Field
    from tortoise.migrations.graph import MigrationKey
    from tortoise.migrations.schema_generator.state import ModelState
    from tortoise.models import Model


class InPlaceSqliteEditor(SqliteSchemaEditor):
    """Removes a column without copying its table."""

    async def remove_field(self, model: type[Model], field: Field[object]) -> None:
        if isinstance(field, ManyToManyFieldInstance):
            await super().remove_field(model, field)
            return
        table = model._meta.db_table  # pyright: ignore[reportPrivateUsage] - as in Tortoise
        column = field.source_field or field.model_field_name
        for index in await self.find_indexes(table, column):
            await self._run_sql(self.DROP_INDEX_TEMPLATE.format(name=index))
        await self._run_sql(self.DELETE_FIELD_TEMPLATE.format(table=table, column=column))

    async def find_indexes(self, table: str, column: str) -> list[str]:
        """The names of the indexes with the column, for example of a unique column."""
        rows = await self.client.execute_query_dict(
            "SELECT DISTINCT i.name FROM pragma_index_list(?) i, pragma_index_info(i.name) c "
            "WHERE c.name = ?",
            [table, column],
        )
        return [row["name"] for row in rows]


class LazyState(State):
    """A state whose copy builds its classes of records when they are first used."""

    def __init__(
        self,
        models: dict[tuple[str, str], ModelState],
        apps: StateApps | Callable[[], StateApps],
    ) -> None:
        self.models = models
        self.source = apps

    @property
    def apps(self) -> StateApps:  # pyright: ignore[reportIncompatibleVariableOverride]
        if not isinstance(self.source, StateApps):
            self.source = self.source()
        return self.source

    def clone(self) -> LazyState:
        models = {key: model.clone() for key, model in self.models.items()}
        apps = self.apps
        return LazyState(models, lambda: apps.clone(model_states=models))


class Executor(MigrationExecutor):
    """Tortoise's executor with the editor and the state above."""

    async def _project_state(
        self, applied: set[MigrationKey], *, upto: MigrationKey | None = None
    ) -> State:
        state = await super()._project_state(applied, upto=upto)
        return LazyState(state.models, state.apps)

    def _schema_editor(self, atomic: bool = True, collect_sql: bool = False) -> BaseSchemaEditor:
        if self.connection.capabilities.dialect == "sqlite":
            return InPlaceSqliteEditor(self.connection, atomic=atomic, collect_sql=collect_sql)
        return super()._schema_editor(atomic, collect_sql)
