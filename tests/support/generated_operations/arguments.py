"""Random arguments of fields, as literals or variables at any depth; some are reused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLNamedType,
    is_non_null_type,
    is_required_argument,
)

from support.generated_operations.values import OMITTED, Values, to_graphql, to_json


@dataclass
class Variable:
    type: str
    default: Any
    value: Any


class Arguments:
    """The arguments of one document and their variables."""

    def __init__(self, values: Values, *, fails: bool) -> None:
        self.values, self.random = values, values.random
        self.fails = fails
        self.built: dict[tuple[str, str], list[tuple[str, int]]] = {}
        self.variables: dict[str, Variable] = {}

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def build(self, type: GraphQLNamedType, name: str, field: GraphQLField) -> tuple[str, int]:
        """Random arguments of a field, and the largest number of rows that they allow."""
        if not field.args:
            return "", 1
        built = self.built.setdefault((type.name, name), [])
        if built and self.chance(0.5):
            return self.random.choice(built)
        texts: list[str] = []
        size = 1
        self.values.order = ()
        for argument, definition in sorted(
            field.args.items(), key=lambda each: each[0] != "orderBy"
        ):
            value = self.choose_value(type, name, argument, definition, texts)
            if value is OMITTED:
                continue
            if argument in ("first", "last") and isinstance(value, int):
                size = max(1, min(value, 100))
            texts.append(f"{argument}: {self.write_value(definition.type, value)}")
        text = f"({', '.join(texts)})" if texts else ""
        built.append((text, size))
        return text, size

    def choose_value(
        self,
        type: GraphQLNamedType,
        name: str,
        argument: str,
        definition: GraphQLArgument,
        before: Sequence[str],
    ) -> Any:
        needed = is_required_argument(definition)
        sized = any(text.startswith(("first:", "last:")) for text in before)
        cursor = 0.35 if self.fails else 0.15
        shares = {
            "first": 0.75,
            "last": 0.05 if sized else 0.95,
            "after": cursor,
            "before": 0.15,
            "types": 0.25,
            "filter": 0.35,
        }
        if not needed and not self.chance(shares.get(argument, 0.35)):
            return OMITTED
        if not needed and self.chance(0.04) and argument != "last":
            return None
        return self.values.value_of(
            definition.type, (name, f"{type.name}.{name}.{argument}", argument)
        )

    def write_value(self, type: Any, value: Any) -> str:
        """Write a value as a literal or a variable, here or in an inner value."""
        if self.chance(0.35):
            return self.add_variable(type, value)
        inner = type.of_type if is_non_null_type(type) else type
        if isinstance(value, list):
            items = cast("list[Any]", value)
            item: Any = cast("Any", inner).of_type
            texts = [self.write_value(item, each) for each in items]
            return (
                texts[0]
                if len(texts) == 1 and self.chance(0.3) and "$" not in texts[0]
                else f"[{', '.join(texts)}]"
            )
        if isinstance(value, dict):
            fields = cast("Any", inner).fields
            texts = [
                f"{name}: {self.write_value(fields[name].type, each)}"
                for name, each in cast("dict[str, Any]", value).items()
            ]
            return f"{{{', '.join(texts)}}}"
        return to_graphql(value)

    def add_variable(self, type: Any, value: Any) -> str:
        """Add a variable with this value, provided or as its default."""
        name = f"v{len(self.variables)}"
        default: Any = OMITTED
        provided: Any = value
        type_text = str(type)
        if value is not None and self.chance(0.25):
            type_text = type_text.removesuffix("!")
            default, provided = value, (OMITTED if self.chance(0.7) else value)
        elif value is not None and self.chance(0.15):
            type_text = type_text.removesuffix("!") + "!"
        return self.set(name, Variable(type_text, default, provided))

    def set(self, name: str, variable: Variable) -> str:
        self.variables[name] = variable
        return f"${name}"

    def variable_values(self) -> dict[str, Any]:
        values = {
            name: to_json(variable.value)
            for name, variable in self.variables.items()
            if variable.value is not OMITTED
        }
        if (
            self.values.wrong_values_left
            and self.values.fail_in_coercion
            and values
            and self.chance(0.5)
        ):
            self.values.wrong_values_left -= 1
            values.pop(self.random.choice(sorted(values)))
        return values
