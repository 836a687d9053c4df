"""The GraphQL documents of webhooks: a selection on TicketEvent, in a query for one event."""

from __future__ import annotations

from graphql import (
    FragmentDefinitionNode,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    parse,
)

OPERATION = "WebhookPayload"
MAX_QUERY_TOKENS = 2000
DEFAULT_SELECTION = """{
  __typename id type cursor occurredAt
  ticket { id ref subject status priority }
  actor { __typename displayName ... on User { id } ... on ApiClient { id } }
  ... on TicketStatusEvent { action from to }
  ... on TicketAssigned { fromAssignee { id displayName } toAssignee { id displayName } }
  ... on TicketTransferred { fromTeam { slug } toTeam { slug } }
  ... on TicketUpdated { changes { field from to } }
  ... on TicketReplied { reply { id } }
  ... on TicketNoted { note { id } }
}"""
"""What a payload has if the webhook has no query of its own."""
SLACK_SELECTION = """{
  type
  ticket { ref subject }
  actor { displayName }
}"""
FORM = (
    "must be a selection on TicketEvent in braces, such as { ticket { ref } }, and may be followed "
    "by fragments"
)


class QueryMalformed(Exception):
    """The text of a query is no selection. The message tells why."""


def build_document(query: str) -> str:
    """The document of a query for one event, whose id is the variable `id`.

    Raises QueryMalformed. The selection is cut from the parsed text, so it can't close the braces
    around it.
    """
    selection, fragments = split(query)
    return (
        f"query {OPERATION}($id: ID!) {{\n"
        "  event: node(id: $id) { ... on TicketEvent { id type occurredAt cursor } }\n"
        f"  data: node(id: $id) {{ ... on TicketEvent {selection} }}\n"
        f"}}\n{fragments}"
    )


def split(query: str) -> tuple[str, str]:
    """The selection of a query, and the fragments after it. Raises QueryMalformed."""
    try:
        document = parse(query, max_tokens=MAX_QUERY_TOKENS)
    except (GraphQLSyntaxError, RecursionError) as error:
        reason = error.message if isinstance(error, GraphQLSyntaxError) else "it is nested too deep"
        raise QueryMalformed(f"{FORM}: {reason}") from None
    first, *others = document.definitions
    is_selection = (
        isinstance(first, OperationDefinitionNode)
        and first.operation is OperationType.QUERY
        and first.name is None
        and not first.variable_definitions
        and not first.directives
    )
    if not is_selection or not all(isinstance(each, FragmentDefinitionNode) for each in others):
        raise QueryMalformed(FORM)
    assert isinstance(first, OperationDefinitionNode)
    location = first.selection_set.loc
    assert location is not None  # the parser stores locations
    return query[location.start : location.end], query[location.end :]
