"""What a ticket can be about: the words of one conversation, with {blanks} that demo/facts fills in."""

from __future__ import annotations

from dataclasses import dataclass

from models.tickets.lifecycle import Priority


@dataclass(frozen=True, slots=True)
class Topic:
    """One kind of request. `about` names the resources of demo/facts that it concerns, `priority` is the usual one."""

    subjects: tuple[str, ...]
    description: str
    question: str
    answer: str
    finding: str
    resolution: str
    tags: tuple[str, ...]
    about: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL
