"""Generates operations over a schema: random ones, and ones that select every field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any, cast

from graphql import GraphQLObjectType, GraphQLSchema, get_named_type, is_required_argument

from models.core import ids
from schema.records.type_names import DIRECTORY_EVENT_TYPE_NAMES, EVENT_TYPE_NAMES
from support.differential import OperationRequest
from support.generated_operations.arguments import Variable
from support.generated_operations.documents import Document, Parent
from support.generated_operations.pool import Pool
from support.generated_operations.values import OMITTED, to_graphql, to_json

EVENT_TYPES_BY_NAME = {name: type.name for type, name in EVENT_TYPE_NAMES.items()}
RECORD_KINDS_BY_NAME = {name: kind.name for kind, name in DIRECTORY_EVENT_TYPE_NAMES.items()}
PREFIXES = {
    "User": ids.USER,
    "ApiClient": ids.API_CLIENT,
    "Organization": ids.ORGANIZATION,
    "Team": ids.TEAM,
    "Category": ids.CATEGORY,
    "Ticket": ids.TICKET,
    "Reply": ids.MESSAGE,
    "Note": ids.MESSAGE,
    "ApiToken": ids.TOKEN,
    "Attachment": ids.ATTACHMENT,
    "SlaPolicy": ids.SLA_POLICY,
    "SlaCalendar": ids.SLA_CALENDAR,
    "EscalationPath": ids.ESCALATION_PATH,
    "Notification": ids.NOTIFICATION,
    "AuditEntry": ids.AUDIT_ENTRY,
    "SavedView": ids.SAVED_VIEW,
    "Job": ids.JOB,
    "Macro": ids.MACRO,
    "CustomField": ids.CUSTOM_FIELD,
    "Draft": ids.DRAFT,
    "RetentionPolicy": ids.RETENTION_POLICY,
    "WallScreen": ids.WALL_SCREEN,
    "Webhook": ids.WEBHOOK,
    "WebhookDelivery": ids.WEBHOOK_DELIVERY,
}
"""The prefixes of the ids of records, by type name."""


class Generator:
    """Generates operations.

    `usage_counts` counts fields, so that rarely used ones are preferred.
    """

    def __init__(self, schema: GraphQLSchema, pool: Pool, random: Random) -> None:
        self.schema = schema
        self.random = random
        self.pool = pool
        self.usage_counts = Counter[str]()
        self.overlaps: dict[str, list[Parent]] = {}

    def query(self, roots: Sequence[str], *, fails: bool = False) -> OperationRequest:
        """A random query, mostly over these root fields.

        With `fails` it mostly contains a wrong value.
        """
        return Document(self, fails=fails, roots=roots).build_request()

    def mutation(
        self, name: str, input: dict[str, Any] | None = None, *, whole: bool = False
    ) -> OperationRequest:
        """A mutation with a random selection, or with `whole` a full one; without `input` a random
        input."""
        root = self.schema.mutation_type
        assert root is not None
        return self.single_field("mutation M", root, name, input, whole=whole)

    def subscription(self, name: str, *, whole: bool = False) -> OperationRequest:
        """A subscription without arguments, and with a random or a full selection."""
        root = self.schema.subscription_type
        assert root is not None
        return self.single_field("subscription S", root, name, None, whole=whole)

    def single_field(
        self,
        keyword: str,
        root: GraphQLObjectType,
        name: str,
        input: dict[str, Any] | None,
        *,
        whole: bool,
    ) -> OperationRequest:
        document = Document(self)
        field = root.fields[name]
        result = cast("Parent", get_named_type(field.type))
        selection = (
            document.full_selection(result, 2) if whole else document.selection(result, 1, 1)
        )
        arguments = ""
        if "input" in field.args:
            type = field.args["input"].type
            value = (
                input
                if input is not None
                else to_json(document.values.value_of(type, (name, "input")))
            )
            arguments = (
                f"(input: {document.arguments.set('input', Variable(str(type), OMITTED, value))})"
            )
        text = f"{{ {name}{arguments} {selection} }}"
        return OperationRequest(
            "\n".join(
                [
                    f"{keyword}{document.variable_definitions(text)} {text}",
                    *document.fragment_definitions(text),
                ]
            ),
            document.arguments.variable_values(),
            None,
        )

    def build_full_requests(self) -> list[OperationRequest]:
        """Operations that together select each field of each type that is reachable from a
        query."""
        assert self.schema.query_type is not None
        requests: list[OperationRequest] = []
        for name, field in self.schema.query_type.fields.items():
            if not any(is_required_argument(each) for each in field.args.values()):
                arguments = "(groupBy: STATUS)" if "groupBy" in field.args else ""
                requests.append(
                    Document(self).build_full_request(
                        cast("Parent", get_named_type(field.type)), name + arguments
                    )
                )
        for name, type in self.schema.type_map.items():
            if not isinstance(type, GraphQLObjectType) or "Node" not in {
                each.name for each in type.interfaces
            }:
                continue
            if name in EVENT_TYPES_BY_NAME:
                root = f"events(types: {EVENT_TYPES_BY_NAME[name]}, last: 5) {{ nodes"
            elif name in RECORD_KINDS_BY_NAME:
                root = f"directoryEvents(kinds: {RECORD_KINDS_BY_NAME[name]}, last: 5) {{ nodes"
            else:
                prefix = PREFIXES[name]
                root = f"nodes(ids: {to_graphql(self.pool.ids[prefix][-9:])})"
            requests.append(Document(self).build_full_request(type, root))
        return requests
