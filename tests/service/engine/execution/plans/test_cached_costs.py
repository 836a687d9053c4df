"""The cached cost of a random operation is the one that its variables alone would give."""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

from support.differential import SchemaRunner
from support.generated_operations import Generator, Pool

from engine.graphql.cost import QueryCost
from engine.graphql.document_cache import Document
from engine.graphql.document_limits import DocumentLimits
from models.queries.text_search.search import count_words

OPERATIONS = 60
CHANGES_PER_OPERATION = 6
SCALARS = (None, 0, 1, 7, 50.0, 100, 10**12, -4, 3.5, True, "", "x", "a b c", "50", "OPEN")
MEMBERS = ("search", "first", "last", "not", "or", "subject", "eq", "in", "period")


def random_value(random: Random, depth: int = 0) -> Any:
    """A value of any shape. Most don't fit the type of their variable."""
    kind = random.random() if depth < 3 else 0
    if kind < 0.5:
        return random.choice(SCALARS)
    if kind < 0.75:
        return [random_value(random, depth + 1) for _ in range(random.choice((0, 1, 5, 40)))]
    names = random.sample(MEMBERS, random.randrange(4))
    return {name: random_value(random, depth + 1) for name in names}


def change(random: Random, value: Any) -> Any:
    """The value with one part replaced, at any depth."""
    if value and isinstance(value, dict | list) and random.random() < 0.8:
        changed = deepcopy(value)
        part = random.choice(sorted(changed) if isinstance(value, dict) else range(len(value)))
        changed[part] = change(random, changed[part])
        return changed
    return random_value(random)


def change_variables(random: Random, names: list[str], variables: dict[str, Any]) -> dict[str, Any]:
    changed = dict(variables)
    for name in random.sample(names, random.randrange(1, len(names) + 1)):
        changed[name] = change(random, changed.get(name))
        if random.random() < 0.2:
            del changed[name]
    return changed


async def test_cached_costs_of_random_operations_are_those_of_their_variables(
    runner_and_pool: tuple[SchemaRunner, Pool], random: Random
) -> None:
    runner, pool = runner_and_pool
    schema: Any = runner.core
    generator = Generator(schema, pool, random)
    queries, mutations = list(schema.query_type.fields), list(schema.mutation_type.fields)
    cached = 0
    for number in range(OPERATIONS):
        is_query = number % 4 != 3
        request = (
            generator.query(queries) if is_query else generator.mutation(random.choice(mutations))
        )
        operation = Document(request.query, DocumentLimits()).operations[0]
        names = [each.variable.name.value for each in operation.node.variable_definitions or ()]
        variables = [dict(request.variables or {})]
        for _ in range(CHANGES_PER_OPERATION if names else 0):
            variables.append(change_variables(random, names, random.choice(variables)))
        shared = QueryCost(schema, operation, count_words)
        costs = [QueryCost(schema, operation, count_words).get(each) for each in variables]
        for _ in range(2):
            assert [shared.get(each) for each in variables] == costs, (request.query, variables)
        cached += 2 * len(variables) - len(shared.cached_costs)
    assert cached > OPERATIONS * CHANGES_PER_OPERATION
