"""Operations of migrations that Tortoise does not have."""

from __future__ import annotations

from tortoise.migrations import operations
from tortoise.migrations.schema_editor import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State


class Described(operations.AlterField):
    """Changes a column's description in Tortoise's state only.

    On SQLite, Tortoise would rebuild the table and lose its indexes.
    """

    async def database_forward(
        self,
        app_label: str,
        old_state: State,
        new_state: State,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        pass

    async def database_backward(
        self,
        app_label: str,
        old_state: State,
        new_state: State,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        pass
