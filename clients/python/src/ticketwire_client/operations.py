"""Executes the operations of the generated client: idempotency keys, repetition, user errors."""

from __future__ import annotations

import time
from asyncio import sleep
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from uuid import uuid4

from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_jsonable_python

from .backoff import choose_delay
from .errors import (
    MutationRefused,
    NetworkError,
    RateLimitedError,
    TicketwireError,
    UnexpectedResponseError,
)
from .generated.base_model import UnsetType
from .models import AnyUserError, UserError
from .transport import Endpoint, is_temporary, requested_delay

IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"
Result = TypeVar("Result")
USER_ERRORS: TypeAdapter[list[UserError]] = TypeAdapter(list[AnyUserError])


@dataclass(frozen=True)
class OperationResult:
    """What an operation returned. All of `data` is as of `cursor`, or newer; see docs/api.md."""

    data: dict[str, Any]
    cursor: str | None


class OperationClient:
    """The base class of the generated client."""

    def __init__(self, endpoint: Endpoint, timeout_seconds: float, retry_seconds: float) -> None:
        self.endpoint = endpoint
        self.timeout_seconds = timeout_seconds
        self.retry_seconds = retry_seconds

    async def execute(
        self,
        query: str,
        operation_name: str | None = None,
        variables: Mapping[str, object] | None = None,
    ) -> OperationResult:
        """Execute a query or a mutation, and repeat it after interruptions for `retry_seconds`.

        A mutation is repeated only if it has an idempotency key, or if it was not sent. It gets a
        key if its input can have one and has none. Raises a TicketwireError.
        """
        is_mutation = query.lstrip().startswith("mutation")
        given = {
            name: value
            for name, value in (variables or {}).items()
            if not isinstance(value, UnsetType)
        }
        values = {name: to_json(value) for name, value in given.items()}
        key = ensure_idempotency_key(given, values) if is_mutation else None
        body = {"query": query, "operationName": operation_name, "variables": values}
        try:
            return await self.repeat(
                lambda: self.attempt(body, is_mutation=is_mutation),
                is_safe=key is not None or not is_mutation,
            )
        except TicketwireError as error:
            error.idempotency_key = key
            raise

    async def repeat(self, attempt: Callable[[], Awaitable[Result]], *, is_safe: bool) -> Result:
        """Attempt something again and again for `retry_seconds`, while another attempt may
        succeed."""
        deadline = time.monotonic() + self.retry_seconds
        failures = 0
        while True:
            try:
                return await attempt()
            except TicketwireError as error:
                failures += 1
                delay = choose_delay(failures, requested_delay(error))
                may_repeat = can_repeat(error, is_safe=is_safe)
                if not may_repeat or time.monotonic() + delay > deadline:
                    raise
            await sleep(delay)

    async def attempt(self, body: Mapping[str, Any], *, is_mutation: bool) -> OperationResult:
        """Send an operation once. Raises a TicketwireError, also if a mutation is refused."""
        response = await self.endpoint.post(body, self.timeout_seconds)
        data: dict[str, Any] = response["data"]
        if is_mutation:
            check_payloads(data)
        extensions: dict[str, Any] = response.get("extensions") or {}
        cursor = extensions.get("cursor")
        return OperationResult(data, cursor if isinstance(cursor, str) else None)

    def get_data(self, response: OperationResult) -> dict[str, Any]:
        """The data of a result, for the generated methods."""
        return response.data


def to_json(value: object) -> Any:
    """A variable as JSON. Fields of an input that were not set are left out."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if isinstance(value, list | tuple):
        return [to_json(each) for each in cast("list[object]", value)]
    return to_jsonable_python(value)


def ensure_idempotency_key(variables: Mapping[str, object], values: dict[str, Any]) -> str | None:
    """Add a random idempotency key to `values` if the input has none, and return the key.

    `variables` has the input as the caller gave it, `values` the same as JSON. Returns None if the
    input can't have a key.
    """
    input = variables.get("input")
    if not isinstance(input, BaseModel) or "idempotency_key" not in type(input).model_fields:
        return None
    sent: dict[str, Any] = values["input"]
    key = sent.get("idempotencyKey") or uuid4().hex
    sent["idempotencyKey"] = key
    return str(key)


def check_payloads(data: Mapping[str, Any]) -> None:
    """Raise MutationRefused if the payload has user errors, and an error if there is no payload."""
    for payload in data.values():
        if not isinstance(payload, dict):
            raise UnexpectedResponseError("the mutation returned neither a payload nor an error")
        errors = cast("dict[str, Any]", payload).get("userErrors")
        if errors:
            raise MutationRefused(USER_ERRORS.validate_python(errors))


def can_repeat(error: TicketwireError, *, is_safe: bool) -> bool:
    """Whether to send an operation again. It is safe if it has no effect or an idempotency key."""
    if isinstance(error, RateLimitedError):
        return True  # it was not executed
    if isinstance(error, NetworkError) and not error.was_sent:
        return True
    if isinstance(error, MutationRefused):
        return error.codes == [IN_PROGRESS]  # an earlier attempt is still being executed
    return is_safe and is_temporary(error)
