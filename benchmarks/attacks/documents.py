"""Malicious documents, each with the code of its refusal, or "" if it is answered.

Each is sent over HTTP, SSE and WebSocket.
"""

from __future__ import annotations

from collections.abc import Mapping

QUERY_TOO_EXPENSIVE = "QUERY_TOO_EXPENSIVE"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
BAD_REQUEST = "BAD_REQUEST"
MAX_DOCUMENT_BYTES = 16 * 1024


def repeat(count: int, text: str) -> str:
    """The text `count` times, separated by spaces; each # becomes the index."""
    return " ".join(text.replace("#", str(index)) for index in range(count))


def repeat_fragments(count: int, selections: str, on: str = "Ticket") -> str:
    """Fragments F0, F1 and so on. In the selections, # becomes the index and ~ the next index."""
    fragments: list[str] = []
    for index in range(count):
        text = selections.replace("#", str(index)).replace("~", str(index + 1))
        fragments.append(f"fragment F{index} on {on} {{ {text} }}")
    return " ".join(fragments)


def make_unique(document: str, number: int) -> str:
    """The document with a comment, so that the server does not find it in its cache."""
    return f"{document} #{number}"


TICKET_FIELDS = (
    "id ref subject number description team { id slug } category { id slug } "
    "requester { id displayName }"
)
DOUBLED = "mergedInto { ...F~ } links { ticket { ...F~ } }"
OVERLAPPING = "ticket(id: 1) { id ref subject team { id } ...G }"
SCALARS = (
    "id number ref externalId subject status stage priority closeReason escalationLevel "
    "allowedActions createdAt updatedAt resolvedAt closedAt firstRespondedAt heldUntil version"
)
BOMBS: Mapping[str, tuple[str, str]] = {
    "fragments that double at each level": (
        f"{{ ticket(id: 1) {{ ...F0 }} }} {repeat_fragments(30, DOUBLED)} "
        "fragment F30 on Ticket { id }",
        QUERY_TOO_EXPENSIVE,
    ),
    "fragments that all spread each other": (
        f"{{ ticket(id: 1) {{ {repeat(40, '...F#')} }} }} "
        + repeat_fragments(
            40, f"mergedInto {{ {' '.join(f'...F{index}' for index in range(15))} id }}"
        ),
        QUERY_TOO_EXPENSIVE,
    ),
    "fragments that form a cycle": (
        f"{{ ticket(id: 1) {{ ...F0 }} }} {repeat_fragments(30, 'id ...F~')} "
        "fragment F30 on Ticket { ...F0 }",
        VALIDATION_FAILED,
    ),
    "hundreds of aliases, too many tokens": (
        f"{{ {repeat(600, 'a#: viewer { role }')} }}",
        PARSE_FAILED,
    ),
    "hundreds of aliases": (f"{{ {repeat(300, 'a#: viewer { role }')} }}", QUERY_TOO_EXPENSIVE),
    "hundreds of fields at the root": (
        f"{{ {repeat(300, 'viewer { role }')} }}",
        QUERY_TOO_EXPENSIVE,
    ),
    "one field hundreds of times": (f"{{ viewer {{ {'role ' * 1900} }} }}", QUERY_TOO_EXPENSIVE),
    "hundreds of directives on a field": (
        f"{{ viewer {{ role {'@skip(if: false) ' * 240} }} }}",
        QUERY_TOO_EXPENSIVE,
    ),
    "hundreds of unknown directives": (
        f"{{ viewer {{ role {'@x ' * 950} }} }}",
        QUERY_TOO_EXPENSIVE,
    ),
    "directives on variables": (
        f"query({repeat(60, '$v#: ID @skip(if: true)')}) {{ viewer {{ role }} }}",
        QUERY_TOO_EXPENSIVE,
    ),
    "a hundred operations": (repeat(100, "query Q# { viewer { role } }"), QUERY_TOO_EXPENSIVE),
    "fields a thousand levels deep": ("{ a" * 990 + " }" * 990, PARSE_FAILED),
    "braces that never end": ("{" * MAX_DOCUMENT_BYTES, PARSE_FAILED),
    "lists a thousand levels deep": (
        f"{{ ticket(id: {'[' * 900}{']' * 900}) {{ id }} }}",
        PARSE_FAILED,
    ),
    "objects hundreds of levels deep": (
        "{ tickets(filter: " + "{and: [" * 90 + "{x: 1}" + "]}" * 90 + ") { totalCount } }",
        VALIDATION_FAILED,
    ),
    "an integer of 16,000 digits": (
        f"{{ ticketByNumber(number: {'9' * 16_000}) {{ id }} }}",
        VALIDATION_FAILED,
    ),
    "an exponent of a thousand digits": (
        f"{{ ticketByNumber(number: 1e{'9' * 1000}) {{ id }} }}",
        VALIDATION_FAILED,
    ),
    "an id of 16,000 digits": (f"{{ ticket(id: {'9' * 16_000}) {{ id }} }}", ""),
    "a block of blank lines": (f'{{ ticket(id: """{chr(10) * 16_000}""") {{ id }} }}', ""),
    "16,000 commas": ("{ viewer { role } }" + "," * 16_000, ""),
    "thousands of comments": ("{ viewer { role } }" + "\n#" * 3000, PARSE_FAILED),
    "a document beyond the maximum length": (
        "{ viewer { role } } #" + "x" * MAX_DOCUMENT_BYTES,
        BAD_REQUEST,
    ),
    "overlapping fields": (f"{{ {' '.join([f'ticket(id: 1) {{ {TICKET_FIELDS} }}'] * 38)} }}", ""),
    "overlapping fields in fragments": (
        f"{{ {repeat(39, '...F#')} }} {repeat_fragments(39, OVERLAPPING, 'Query')} "
        "fragment G on Ticket { id ref }",
        "",
    ),
    "overlapping fields in conflict": (
        f"{{ {repeat(19, 'ticket(id: #) { id ref }')} }}",
        VALIDATION_FAILED,
    ),
    "900 misspelled field names": (
        f"{{ viewer {{ {repeat(900, 'scopez#')} }} }}",
        VALIDATION_FAILED,
    ),
    "field names of a thousand letters": (
        f"{{ viewer {{ {repeat(15, 'r' * 1000 + '#')} }} }}",
        VALIDATION_FAILED,
    ),
    "hundreds of unknown arguments": (
        f"{{ tickets({repeat(300, 'firsst#: 1')}) {{ totalCount }} }}",
        VALIDATION_FAILED,
    ),
    "hundreds of unused variables": (
        f"query({repeat(300, '$v#: ID')}) {{ viewer {{ role }} }}",
        VALIDATION_FAILED,
    ),
    "an argument of 950 values for each of 100 tickets": (
        "{ tickets(first: 100) { nodes { "
        f"timeline(first: 1, types: [{'STATUS_CHANGED ' * 950}]) {{ totalCount }} }} }} }}",
        QUERY_TOO_EXPENSIVE,
    ),
    "nested pages": (
        "{ tickets(first: 100) { nodes { messages(first: 100) { nodes { "
        "ticket { timeline { totalCount } } } } } } }",
        QUERY_TOO_EXPENSIVE,
    ),
    "the longest texts under thirty aliases": (
        f"{{ tickets(first: 100) {{ nodes {{ {repeat(30, 'a#: description')} }} }} }}",
        QUERY_TOO_EXPENSIVE,
    ),
    "HTML under thirty aliases": (
        "{ tickets(first: 10) { nodes { messages(first: 10) { nodes { "
        f"{repeat(30, 'a#: bodyHtml')} }} }} }} }} }}",
        QUERY_TOO_EXPENSIVE,
    ),
    "statistics twenty times": (
        f"{{ {repeat(20, 'a#: ticketStats(groupBy: TEAM) { open }')} }}",
        QUERY_TOO_EXPENSIVE,
    ),
    "statistics fifteen times": (
        f"{{ {repeat(15, 'a#: ticketStats(groupBy: TEAM) { open }')} }}",
        "",
    ),
    "introspection with an unclosed brace": (
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } }",
        PARSE_FAILED,
    ),
    "introspection five levels deep": (
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        VALIDATION_FAILED,
    ),
    "eight hundred tickets with all scalar fields": (
        "{ "
        + repeat(
            8,
            f"a#: tickets(first: 100) {{ nodes {{ {SCALARS} }} }}",
        )
        + " }",
        "",
    ),
}

SHORT_INVALID = (
    f"{{ {repeat(20, 'a#: tickets(frst: 1, fitler: { statuz: NEW }) { nods { i } }')} }}"
)
LONG_INVALID = f"{{ viewer {{ {repeat(900, 'tickeets#')} }} }}"
"""As expensive to validate as the limits allow."""
SLOW_VALID = (
    "{ ticket(id: 1) { ...A ...B } } fragment A on Ticket { "
    + "id " * 20
    + "...C } fragment B on Ticket { "
    + "id " * 19
    + "...C } fragment C on Ticket { "
    + "messages { nodes { id body } } " * 20
    + "}"
)
