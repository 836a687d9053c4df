"""Tortoise's executor of migrations, with two changes. We know no upstream issue for either.

Tortoise 1.1.9 removes a column on SQLite by copying the table, without its indexes, triggers and
constraints of several columns. SQLite can remove a column itself since version 3.35.

Before each operation, it also copies the classes of all records as they were, and makes all of
them ready for queries. Few operations use any, and those use one or two. Without the rest, a new
database is migrated in a fifth of the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tortoise.fields.relational import ManyToManyFieldInstance
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.schema_editor import BaseSchemaEditor, SqliteSchemaEditor
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps

if TYPE_CHECKING:
    from tortoise.fields.base import Field
    from tortoise.migrations.migration import Migration
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


class LazyApps(StateApps):
    """Classes of records at one version of the tables.

    A copy builds its classes when they are first used, and makes each of them ready for queries
    when a migration asks for it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.built: dict[str, dict[str, type[Model]]] = {}
        self.unbuilt: dict[tuple[str, str], ModelState] = {}
        self.ready: set[type[Model]] = set()
        super().__init__(*args, **kwargs)

    @property
    def apps(self) -> dict[str, dict[str, type[Model]]]:  # pyright: ignore[reportIncompatibleVariableOverride]
        if self.unbuilt:
            states, self.unbuilt = self.unbuilt, {}
            for (label, _), state in states.items():
                self.register_model(label, state.render(self, deepcopy_fields=False))
            self._init_relations()
        return self.built

    @apps.setter
    def apps(self, value: dict[str, dict[str, type[Model]]]) -> None:
        self.built = value

    def clone(self, model_states: dict[tuple[str, str], ModelState] | None = None) -> LazyApps:
        if model_states is None:
            raise NotImplementedError("states of migrations pass their records")
        copy = LazyApps(self._default_connections, self._connections)
        copy.unbuilt = model_states
        return copy

    def _build_initial_querysets(self) -> None:
        self.ready.clear()

    def get_model(self, app_label: str, model_name: str | None = None) -> type[Model]:
        model = super().get_model(app_label, model_name)
        if model not in self.ready:
            self.ready.add(model)
            alone = StateApps(self._default_connections, self._connections)
            alone.apps[str(model._meta.app)] = {model.__name__: model}  # pyright: ignore[reportPrivateUsage]
            alone._build_initial_querysets()  # pyright: ignore[reportPrivateUsage]
        return model


class Executor(MigrationExecutor):
    """Tortoise's executor with the editor and the state above."""

    async def _project_state(
        self, applied: set[MigrationKey], *, upto: MigrationKey | None = None
    ) -> State:
        state = self.create_state()
        for key, migration in self.list_migrations(applied):
            if key == upto:
                break
            await migration.apply(state, dry_run=True)
        return state

    async def _project_state_cache(self, applied: set[MigrationKey]) -> dict[MigrationKey, State]:
        """The state before each migration."""
        state, before = self.create_state(), dict[MigrationKey, State]()
        for key, migration in self.list_migrations(applied):
            before[key] = state.clone()
            await migration.apply(state, dry_run=True)
        return before

    def create_state(self) -> State:
        """The state of an empty database."""
        connections = {
            label: str(app.get("default_connection", "default"))
            for label, app in self.loader.apps_config.items()
        }
        return State({}, LazyApps(default_connections=connections))

    def list_migrations(self, applied: set[MigrationKey]) -> list[tuple[MigrationKey, Migration]]:
        nodes = self.loader.graph.nodes
        found = [(key, nodes[key]) for key in self._full_plan() if key in applied]
        return [(key, migration) for key, migration in found if migration is not None]

    def _schema_editor(self, atomic: bool = True, collect_sql: bool = False) -> BaseSchemaEditor:
        if self.connection.capabilities.dialect == "sqlite":
            return InPlaceSqliteEditor(self.connection, atomic=atomic, collect_sql=collect_sql)
        return super()._schema_editor(atomic, collect_sql)
