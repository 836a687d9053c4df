"""The demo's macros."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, TypeAdapter
from pydantic.dataclasses import dataclass

from demo.data_files import EXACT_KEYS, FOLDER, read_data_file
from models.access.audience import Audience
from models.core.errors import InvalidInput
from models.custom_fields.values import NewValue
from models.log.event import Json
from models.macros.macro import Macro, MacroAssignment, MacroStatusAction
from models.macros.placeholders import check_placeholders
from models.people.team import Team
from models.tickets.lifecycle import CloseReason, Priority

E = TypeVar("E", bound=Enum)
SECONDS_PER_DAY = 24 * 3600


def member_parser(enum: type[E]) -> Callable[[object], E]:
    """Return a function that returns an enum's member by its name, or raises ValueError.

    Pydantic itself would expect the member's value.
    """

    def parse(name: object) -> E:
        if name not in enum.__members__:
            raise ValueError(f"must be one of {', '.join(enum.__members__)}")
        return enum[str(name)]

    return parse


def check_text(text: str) -> str:
    """Return the text. Raises ValueError, as Pydantic requires, if a placeholder is unknown."""
    try:
        check_placeholders(text)
    except InvalidInput as error:
        raise ValueError(error.message) from error
    return text


@dataclass(frozen=True, slots=True, config=EXACT_KEYS)
class DemoMacro:
    """A macro for the members of `team`, or for everyone if it is None.

    `team` and `new_team` are slugs of teams. `options` has the keys of options of custom fields, by
    the key of the field.
    """

    name: str
    text: Annotated[str, AfterValidator(check_text)] | None = None
    team: str | None = None
    status_action: Annotated[
        MacroStatusAction | None, BeforeValidator(member_parser(MacroStatusAction))
    ] = None
    hold_for_days: int | None = None
    close_reason: Annotated[CloseReason | None, BeforeValidator(member_parser(CloseReason))] = None
    assignment: Annotated[
        MacroAssignment | None, BeforeValidator(member_parser(MacroAssignment))
    ] = None
    new_team: str | None = None
    priority: Annotated[Priority | None, BeforeValidator(member_parser(Priority))] = None
    add_tags: tuple[str, ...] = ()
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


MACRO_FILE = TypeAdapter(dict[str, tuple[DemoMacro, ...]])
"""The contents of macros.toml: one array of tables, under the key `macros`."""


@cache
def load_macros(folder: Path = FOLDER) -> Sequence[DemoMacro]:
    """Read the demo's macros. Raises DataFileError."""
    return read_data_file("macros.toml", MACRO_FILE, folder)["macros"]


async def create_macros(at: datetime) -> None:
    """Store the demo's macros."""
    team_ids = {team.slug: team.id for team in await Team.all()}
    await Macro.bulk_create([build_macro(each, team_ids, at) for each in load_macros()])


def build_macro(macro: DemoMacro, team_ids: Mapping[str, UUID], at: datetime) -> Macro:
    hold_for = None
    if macro.hold_for_days is not None:
        hold_for = macro.hold_for_days * SECONDS_PER_DAY
    return Macro(
        name=macro.name,
        audience=Audience.EVERYONE if macro.team is None else Audience.TEAM,
        team_id=team_ids[macro.team] if macro.team is not None else None,
        text=macro.text,
        status_action=macro.status_action,
        hold_for=hold_for,
        close_reason=macro.close_reason,
        assignment=macro.assignment,
        new_team_id=team_ids[macro.new_team] if macro.new_team is not None else None,
        priority=macro.priority,
        add_tags=list(macro.add_tags),
        remove_tags=[],
        custom_fields=build_values(macro.options),
        created_at=at,
        updated_at=at,
    )


def build_values(options: Mapping[str, Sequence[str]]) -> list[dict[str, Json]]:
    """The options of custom fields in the form in which macros and jobs store values."""
    return [NewValue(key, "options", list(keys)).to_json() for key, keys in options.items()]
