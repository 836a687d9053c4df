"""Answers of mail servers, for viewers who may not see email addresses."""

from __future__ import annotations

import re

MASK = "…"
USUAL_WORDS = """
a about accept accepted access account active address after again already an and any are as at
attempt authentication bad be because been before blocked bounce busy by can cannot closed
command composed connect connection contact could data days deactivated deferred delayed deliver
delivered delivery denied disabled disconnected does domain due email emails error event events
exceeded exist expired failed failure find for found free from full given graylisted greylisted
has have host id in inbound inbox internal invalid is it large later limit limited list local
lookup mail mailbox mailed mailer mails many may message messages missing mx name network never
no not notes of off ok on open or over permanent permanently permitted please policy problem
processing protocol queue queued quota rate recipient recipients refused reject rejected relay
relaying remote reply requested response retry route search seconds see sender sending sent
server service size smtp space spam storage such syntax system table taken template temporarily
temporary text than that the this time timed timeout tls to too transaction try turned type
unable unavailable undeliverable unexpected unknown unrouteable until up use used user users
valid verification verify virtual waiting was were with
"""
KNOWN_WORDS = frozenset(USUAL_WORDS.split())
"""The words of usual answers, and of the server's own reasons. None is the name of a person."""
CODE_PATTERN = re.compile(r"\d{1,3}(\.\d{1,3}\.\d{1,3})?")
"""A reply code such as 550, an enhanced status code such as 5.1.1, or a small number."""
PUNCTUATION = ".,:;!?()[]-"


def mask_answer(answer: str) -> str:
    """Keep the codes and the usual words of an answer. Everything else becomes `…`.

    An answer may quote the address of another person, for example of one to whom the recipient
    forwards emails, in any notation.
    """
    kept: list[str] = []
    for word in answer.split():
        bare = word.strip(PUNCTUATION).lower()
        is_known = not bare or bare in KNOWN_WORDS or CODE_PATTERN.fullmatch(bare)
        shown = word if is_known else MASK
        if shown != MASK or not kept or kept[-1] != MASK:
            kept.append(shown)
    return " ".join(kept)
