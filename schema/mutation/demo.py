"""The mutation for the demo's clock."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import ADMINISTER
from resolvers import demo
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS
from schema.payloads.demo import AdvanceClockPayload


@strawberry.type
class DemoMutations:
    advance_clock: Any = mutation(
        demo.advance_clock,
        ADMINISTER,
        "Moves the clock of a demo server ahead for everyone. Within seconds, the server runs "
        "everything that has become due; tokens expire too. On other servers, the operation fails "
        "with FORBIDDEN.",
        AdvanceClockPayload | None,
        errors=("INVALID (by, idempotencyKey)", *KEY_ERRORS),
    )
