"""An operation for each root field of the schema."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from graphql import (
    GraphQLInputObjectType,
    GraphQLNonNull,
    get_named_type,
    is_leaf_type,
    is_list_type,
)

from schema import root

MISSING_ID = UUID(int=7)


def build_operations() -> dict[str, str]:
    """An operation for each root field, with minimal arguments."""
    schema = root.build()._schema
    operations: dict[str, str] = {}
    for kind in (schema.query_type, schema.mutation_type, schema.subscription_type):
        assert kind is not None
        for name, field in kind.fields.items():
            arguments = ", ".join(
                f"{arg}: {minimal_value(spec.type)}"
                for arg, spec in field.args.items()
                if isinstance(spec.type, GraphQLNonNull)
            )
            selection = "" if is_leaf_type(get_named_type(field.type)) else " { __typename }"
            if name == "revokeAllSessions":
                arguments = "input: {keepCurrent: true}"
            if name == "retentionPreview":
                arguments = "filter: {}, ageDays: 30"
            if name == "dryRunWebhook":
                arguments = 'query: "{ id }", eventId: "evt_1"'
            if name == "webhookReplayPreview":
                arguments = f'webhookId: "{MISSING_ID}", after: "{0:016x}"'
            if name == "replayWebhook":
                arguments = f'input: {{webhookId: "{MISSING_ID}", after: "{0:016x}"}}'
            call = f"{name}({arguments})" if arguments else name
            operation = f"{kind.name.lower()} {{ {call}{selection} }}"
            operations[f"{kind.name}.{name}"] = operation
    return operations


def minimal_value(type: Any) -> str:
    """The shortest value of an input type that passes validation."""
    type = type.of_type if isinstance(type, GraphQLNonNull) else type
    if is_list_type(type):
        return "[]"
    if isinstance(type, GraphQLInputObjectType):
        fields = {
            name: field.type
            for name, field in type.fields.items()
            if isinstance(field.type, GraphQLNonNull)
        }
        return (
            "{" + ", ".join(f"{name}: {minimal_value(each)}" for name, each in fields.items()) + "}"
        )
    if hasattr(type, "values"):
        return next(iter(type.values))
    return {
        "Int": "1",
        "ID": f'"tkt_{MISSING_ID}"',
        "String": '"x"',
        "Boolean": "true",
        "Duration": '"PT1H"',
        "Date": '"2026-03-29"',
    }[type.name]
