"""Generated code: functions that make an answer's objects out of rows or records, and what is filled in afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from functools import cached_property, lru_cache
from types import CodeType
from typing import Any, Protocol

State = list[Any]
"""What a running piece of an answer is at: the run, and for each node the objects that were made there."""


class Absent(Exception):
    """A plan does not know how to go on; graphql-core answers instead."""


class Child(Protocol):
    """Fields of a node's objects that take more than its own row or record."""

    needs_records: bool
    same: Hashable
    """Equal for what can be told of the objects of several nodes together: a field that types have from one interface."""

    async def run(self, run: Any, made: Made) -> None: ...


class Node:
    """A place in the selection whose objects have children."""

    def __init__(self, record: Callable[[Any], Any] | None) -> None:
        self.record = record
        """What makes a record of a row; None where objects are made of records."""
        self.children: list[Child] = []


class Made:
    """The objects that were made at a node, each with the row or the record it was made of."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.sources: list[Any] = []
        self.objects: list[dict[str, Any]] = []

    def __call__(self, source: Any, made: dict[str, Any]) -> dict[str, Any]:
        self.sources.append(source)
        self.objects.append(made)
        return made

    @cached_property
    def records(self) -> list[Any]:
        record = self.node.record
        return self.sources if record is None else [record(source) for source in self.sources]

    @classmethod
    def of(cls, all: Sequence[Made], child: Child) -> Made:
        """The objects of several nodes as one."""
        if len(all) == 1:
            return all[0]
        found = cls(all[0].node)
        for each in all:
            found.sources += each.sources
            found.objects += each.objects
        if child.needs_records:
            found.records = [record for each in all for record in each.records]
        return found


class Build:
    """One module of generated functions. Their texts hold no input: names and texts of the operation travel as constants."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"absent": absent}
        self.lines: list[str] = []
        self.nodes: list[Node] = []
        self.tables: list[tuple[str, Mapping[Any, str]]] = []
        """Constants that are to hold functions, by what decides among them."""

    @staticmethod
    def text(name: str) -> str:
        """A name of GraphQL as a literal."""
        return repr(name)

    def constant(self, value: object) -> str:
        name = f"c{len(self.names)}"
        self.names[name] = value
        return name

    def function(self, parameters: str, body: str) -> str:
        name = f"f{len(self.names)}"
        self.names[name] = None
        self.lines.append(f"def {name}({parameters}):\n    return {body}")
        return name

    def node(self, node: Node, source: str, body: str) -> str:
        """The expression that makes an object and remembers it for the node's children."""
        if not node.children:
            return body
        self.nodes.append(node)
        return f"s[{len(self.nodes)}]({source}, {body})"

    def finish(self) -> None:
        exec(compiled("\n".join(self.lines)), self.names)  # noqa: S102 - texts of our own, without input
        for table, functions in self.tables:
            self.names[table].update({value: self.names[name] for value, name in functions.items()})

    def state(self, run: Any) -> State:
        return [run, *map(Made, self.nodes)]

    async def settle(self, state: State) -> None:
        """Fill in what the objects that were made still lack."""
        run, *made = state
        asked: dict[Hashable, tuple[Child, list[Made]]] = {}
        for each in made:
            for child in each.node.children if each.objects else ():
                asked.setdefault(child.same, (child, []))[1].append(each)
        await together([child.run(run, Made.of(all, child)) for child, all in asked.values()])


@lru_cache(maxsize=1000)
def compiled(text: str) -> CodeType:
    """The code of generated functions. Operations of the same shape have the same text, because their names are constants."""
    return compile(text, "<plan>", "exec")


def absent() -> Any:
    """Something is null that can't be."""
    raise Absent


async def together(works: Sequence[Awaitable[Any]]) -> list[Any]:
    """What all of them give; where one fails, the others are stopped."""
    if len(works) < 2:
        return [await work for work in works]
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
