"""The demo's macros."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
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
from models.custom_fields.values import GivenValue
from models.log.event import Json
from models.macros.macro import Macro, MacroAssignment, MacroStatusAction
from models.macros.placeholders import check_placeholders
from models.people.team import Team
from models.tickets.lifecycle import CloseReason, Priority

E = TypeVar("E", bound=Enum)


def by_name(enum: type[E]) -> Callable[[object], E]:
    """A parser of the names of an enum's members."""

    def parse(name: object) -> E:
        if name not in enum.__members__:
            raise ValueError(f"must be one of {', '.join(enum.__members__)}")
        return enum[str(name)]

    return parse


def check_text(text: str) -> str:
    try:
        check_placeholders(text)
    except InvalidInput as error:
        raise ValueError(error.message) from error
    return text


@dataclass(frozen=True, slots=True, config=EXACT_KEYS)
class DemoMacro:
    """A macro for the members of `team`, a slug, or else for everyone. `new_team` is a slug.

    `options` are keys of options of custom fields, by the keys of the fields.
    """

    name: str
    text: Annotated[str, AfterValidator(check_text)] | None = None
    team: str | None = None
    status_action: Annotated[
        MacroStatusAction | None, BeforeValidator(by_name(MacroStatusAction))
    ] = None
    hold_for_days: int | None = None
    close_reason: Annotated[CloseReason | None, BeforeValidator(by_name(CloseReason))] = None
    assignment: Annotated[MacroAssignment | None, BeforeValidator(by_name(MacroAssignment))] = None
    new_team: str | None = None
    priority: Annotated[Priority | None, BeforeValidator(by_name(Priority))] = None
    add_tags: tuple[str, ...] = ()
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


MACROS_BY_KEY = TypeAdapter(dict[str, tuple[DemoMacro, ...]])


@cache
def load_macros(folder: Path = FOLDER) -> Sequence[DemoMacro]:
    """Read the demo's macros. Raises DataFileError."""
    return read_data_file("macros.toml", MACROS_BY_KEY, folder)["macros"]


async def create_macros(at: datetime) -> None:
    """Store the demo's macros."""
    team_ids = {team.slug: team.id for team in await Team.all()}
    await Macro.bulk_create([build_macro(each, team_ids, at) for each in load_macros()])


def build_macro(macro: DemoMacro, team_ids: Mapping[str, UUID], at: datetime) -> Macro:
    hold_for = None
    if macro.hold_for_days is not None:
        hold_for = timedelta(days=macro.hold_for_days) // timedelta(seconds=1)
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
    """Options of custom fields, as macros and jobs store them."""
    return [GivenValue(key, "options", list(keys)).to_json() for key, keys in options.items()]
