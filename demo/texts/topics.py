"""The topics of the demo's tickets, from `demo/data/topics`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, TypeAdapter
from pydantic.dataclasses import dataclass

from demo.data_files import EXACT_KEYS, read_data_file
from demo.texts.facts import Template, Templates, load_options
from models.tickets.lifecycle import Priority

FILES_OF_CATEGORY: Mapping[str, Sequence[str]] = {
    "technical": ("servers", "network", "platform"),
    "sales": ("sales",),
    "billing": ("billing",),
}
"""The files with the topics of each category, by the category's slug."""


def parse_priority(name: object) -> Priority:
    if name not in Priority.__members__:
        raise ValueError(f"must be one of {', '.join(Priority.__members__)}")
    return Priority[str(name)]


def check_resource_kind(kind: str) -> str:
    if kind not in load_options().resources:
        raise ValueError(f"unknown kind of resource {kind}")
    return kind


@dataclass(frozen=True, slots=True, config=EXACT_KEYS)
class Topic:
    """The texts of one conversation.

    `finding` is an internal note about the cause. `resources` are the kinds of resource that the
    ticket can name, the most likely one first. `priority` is the usual priority of such a ticket.
    """

    subjects: Templates
    description: Template
    question: Template
    answer: Template
    finding: Template
    resolution: Template
    tags: tuple[str, ...]
    resources: tuple[Annotated[str, AfterValidator(check_resource_kind)], ...] = ()
    priority: Annotated[Priority, BeforeValidator(parse_priority)] = Priority.NORMAL


TOPICS_BY_NAME = TypeAdapter(dict[str, Topic])


@cache
def load_topics() -> Mapping[str, Sequence[Topic]]:
    """Return the topics of each category, by the category's slug."""
    topics: dict[str, list[Topic]] = {}
    for category, files in FILES_OF_CATEGORY.items():
        topics[category] = [topic for file in files for topic in read_topics(file)]
    return topics


@cache
def load_alerts() -> Sequence[Topic]:
    """Return the topics of the tickets that a customer's monitoring raises."""
    return read_topics("alerts")


def read_topics(file: str) -> list[Topic]:
    return list(read_data_file(f"topics/{file}.toml", TOPICS_BY_NAME).values())
