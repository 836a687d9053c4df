"""Mutations of lists: each row is changed in a transaction of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from models.core import query_cost
from models.core.errors import Forbidden, InvalidInput, Refusal, Refusals, UserErrorCode
from models.core.record_changes import RecordChanges
from resolvers.context import Context
from resolvers.mutations.admin_mutation import AdminMutation, run_action
from resolvers.mutations.resolver import to_user_errors
from schema.cost import MUTATION_COST

MAX_ROWS = 100
DUPLICATE = "An earlier row of the list, with the index {0}, has the same key."
Row = TypeVar("Row")
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class RowOutcome(Generic[Record]):
    """The record of a row, or why it was refused. `index` is its place in the list, from 0."""

    index: int
    record: Record | None = None
    # They are instances of the GraphQL types of errors, which have no common Python type.
    errors: list[Any] = field(default_factory=list[Any])


async def upsert_rows(
    context: Context,
    action: str,
    named_rows: tuple[str, Sequence[Row]],
    upsert: Callable[[AdminMutation, Row], Awaitable[Record]],
    list_keys: Callable[[Row], Sequence[str]],
) -> list[RowOutcome[Record]]:
    """Upsert rows one after the other; an error refuses only its own row.

    Args:
        context: The context of the mutation.
        action: The name of the mutation, for the audit log.
        named_rows: The name of the input's field, and the rows.
        upsert: Changes the record of a row in a transaction.
        list_keys: What identifies a row. A row with a key of an earlier one is refused.

    Raises:
        InvalidInput: If there are too many rows.
    """
    name, rows = named_rows
    if len(rows) > MAX_ROWS:
        message = f"must have at most {MAX_ROWS} rows; it has {len(rows)}"
        raise InvalidInput(UserErrorCode.INVALID, message, name, limit_name="upsert_rows")
    query_cost.charge(MUTATION_COST * max(len(rows) - 1, 0))
    first_index: dict[str, int] = {}
    outcomes: list[RowOutcome[Record]] = []
    for index, row in enumerate(rows):
        earlier = [first_index[key] for key in list_keys(row) if key in first_index]
        first_index |= {key: index for key in list_keys(row) if key not in first_index}
        try:
            if earlier:
                raise InvalidInput(UserErrorCode.INVALID, DUPLICATE.format(min(earlier)))
            record = await upsert_row(context, action, row, upsert)
            outcomes.append(RowOutcome(index, record))
        except Forbidden as error:  # the other rows must have results
            refusal = InvalidInput(UserErrorCode.INVALID, error.message)
            outcomes.append(refuse_row(name, index, refusal))
        except (Refusal, Refusals) as error:
            outcomes.append(refuse_row(name, index, error))
    return outcomes


def refuse_row(name: str, index: int, error: Refusal | Refusals) -> RowOutcome[Any]:
    """The outcome of a row, with errors whose paths name the row."""
    for refusal in error.refusals if isinstance(error, Refusals) else [error]:
        below_row = (refusal.field or ["input"])[1:]
        refusal.field = ["input", name, str(index), *below_row]
    return RowOutcome(index, errors=to_user_errors(error))


async def upsert_row(
    context: Context,
    action: str,
    row: Row,
    upsert: Callable[[AdminMutation, Row], Awaitable[Record]],
) -> Record:
    async def change(changes: RecordChanges, at: datetime) -> Record:
        return await upsert(AdminMutation(context, at, changes), row)

    return await run_action(context, action, change)
