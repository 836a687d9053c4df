"""Documents that mean harm, each with the code of its refusal, or "" where it is answered. All are sent by each way in.

Those in HEAVY make validation work as hard as the limits let them; with something new in a comment each is a document of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

DEAR = "QUERY_TOO_EXPENSIVE"
INVALID = "GRAPHQL_VALIDATION_FAILED"
UNREADABLE = "GRAPHQL_PARSE_FAILED"
BAD = "BAD_REQUEST"
LONGEST = 16 * 1024


def many(count: int, what: str) -> str:
    """It so many times; # is the place."""
    return " ".join(what.replace("#", str(place)) for place in range(count))


def fragments(count: int, what: str, on: str = "Ticket") -> str:
    """Fragments F0, F1 and so on; ~ stands for the next one, # for itself."""
    texts = [what.replace("#", str(place)).replace("~", str(place + 1)) for place in range(count)]
    return " ".join(f"fragment F{place} on {on} {{ {text} }}" for place, text in enumerate(texts))


def new(document: str, number: int) -> str:
    """The same as a document of its own."""
    return f"{document} #{number}"


FULL = "id ref subject number description team { id slug } category { id slug } requester { id displayName }"
BOMBS: Mapping[str, tuple[str, str]] = {
    "fragments that double at each level": (
        f"{{ ticket(id: 1) {{ ...F0 }} }} {fragments(30, 'mergedInto { ...F~ } links { ticket { ...F~ } }')} "
        "fragment F30 on Ticket { id }",
        DEAR,
    ),
    "fragments that are all in all": (
        f"{{ ticket(id: 1) {{ {many(40, '...F#')} }} }} "
        + fragments(40, f"mergedInto {{ {' '.join(f'...F{place}' for place in range(15))} id }}"),
        DEAR,
    ),
    "fragments in a ring": (
        f"{{ ticket(id: 1) {{ ...F0 }} }} {fragments(30, 'id ...F~')} fragment F30 on Ticket {{ ...F0 }}",
        INVALID,
    ),
    "a thousand aliases": (f"{{ {many(600, 'a#: viewer { role }')} }}", UNREADABLE),
    "hundreds of aliases": (f"{{ {many(300, 'a#: viewer { role }')} }}", DEAR),
    "hundreds of fields at the root": (f"{{ {many(300, 'viewer { role }')} }}", DEAR),
    "one field hundreds of times": (f"{{ viewer {{ {'role ' * 1900} }} }}", DEAR),
    "a thousand directives on a field": (f"{{ viewer {{ role {'@skip(if: false) ' * 240} }} }}", DEAR),
    "a thousand unknown directives": (f"{{ viewer {{ role {'@x ' * 950} }} }}", DEAR),
    "directives on variables": (f"query({many(60, '$v#: ID @skip(if: true)')}) {{ viewer {{ role }} }}", DEAR),
    "a hundred operations": (many(100, "query Q# { viewer { role } }"), DEAR),
    "fields a thousand levels deep": ("{ a" * 990 + " }" * 990, UNREADABLE),
    "braces that never end": ("{" * LONGEST, UNREADABLE),
    "lists a thousand levels deep": (f"{{ ticket(id: {'[' * 900}{']' * 900}) {{ id }} }}", UNREADABLE),
    "objects hundreds of levels deep": (
        "{ tickets(filter: " + "{and: [" * 90 + "{x: 1}" + "]}" * 90 + ") { totalCount } }",
        INVALID,
    ),
    "an integer of 16,000 digits": (f"{{ ticketByNumber(number: {'9' * 16_000}) {{ id }} }}", INVALID),
    "an exponent of a thousand digits": (f"{{ ticketByNumber(number: 1e{'9' * 1000}) {{ id }} }}", INVALID),
    "an id of 16,000 digits": (f"{{ ticket(id: {'9' * 16_000}) {{ id }} }}", ""),
    "a block of blank lines": (f'{{ ticket(id: """{chr(10) * 16_000}""") {{ id }} }}', ""),
    "16,000 commas": ("{ viewer { role } }" + "," * 16_000, ""),
    "thousands of comments": ("{ viewer { role } }" + "\n#" * 3000, UNREADABLE),
    "more than may be read": ("{ viewer { role } } #" + "x" * LONGEST, BAD),
    "pairs that overlap": (f"{{ {' '.join([f'ticket(id: 1) {{ {FULL} }}'] * 38)} }}", ""),
    "pairs that overlap in fragments": (
        f"{{ {many(39, '...F#')} }} {fragments(39, 'ticket(id: 1) { id ref subject team { id } ...G }', 'Query')} "
        "fragment G on Ticket { id ref }",
        "",
    ),
    "pairs that differ": (f"{{ {many(19, 'ticket(id: #) { id ref }')} }}", INVALID),
    "900 names that are nearly right": (f"{{ viewer {{ {many(900, 'scopez#')} }} }}", INVALID),
    "names of a thousand letters": (f"{{ viewer {{ {many(15, 'r' * 1000 + '#')} }} }}", INVALID),
    "hundreds of unknown arguments": (f"{{ tickets({many(300, 'firsst#: 1')}) {{ totalCount }} }}", INVALID),
    "hundreds of unused variables": (f"query({many(300, '$v#: ID')}) {{ viewer {{ role }} }}", INVALID),
    "a list of 950 for each of 100 tickets": (
        f"{{ tickets(first: 100) {{ nodes {{ timeline(first: 1, types: [{'STATUS_CHANGED ' * 950}]) {{ totalCount }} }} }} }}",
        DEAR,
    ),
    "a page of pages of pages": (
        "{ tickets(first: 100) { nodes { messages(first: 100) { nodes { ticket { timeline { totalCount } } } } } } }",
        DEAR,
    ),
    "the longest texts under thirty names": (f"{{ tickets(first: 100) {{ nodes {{ {many(30, 'a#: description')} }} }} }}", DEAR),
    "HTML under thirty names": (
        f"{{ tickets(first: 10) {{ nodes {{ messages(first: 10) {{ nodes {{ {many(30, 'a#: bodyHtml')} }} }} }} }} }}",
        DEAR,
    ),
    "statistics twenty times": (f"{{ {many(20, 'a#: ticketStats(groupBy: TEAM) { open }')} }}", ""),
    "the schema and its types' fields' types": (
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } }",
        UNREADABLE,
    ),
    "the schema five levels deep": (
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        INVALID,
    ),
    "eight hundred tickets with all their leaves": (
        "{ "
        + many(
            8,
            "a#: tickets(first: 100) { nodes { id number ref externalId subject status stage priority closeReason "
            "escalationLevel allowedActions createdAt updatedAt resolvedAt closedAt firstRespondedAt heldUntil version } }",
        )
        + " }",
        "",
    ),
}

LIGHT = f"{{ {many(20, 'a#: tickets(frst: 1, fitler: { statuz: NEW }) { nods { i } }')} }}"
HEAVY = f"{{ viewer {{ {many(900, 'tickeets#')} }} }}"
VALID = (
    "{ ticket(id: 1) { ...A ...B } } fragment A on Ticket { "
    + "id " * 20
    + "...C } fragment B on Ticket { "
    + "id " * 19
    + "...C } fragment C on Ticket { "
    + "messages { nodes { id body } } " * 20
    + "}"
)
