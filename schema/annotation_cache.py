"""A cache of the types that annotations name, so that the import of the schema is faster.

While a class is defined, `dataclasses` asks each field for its type, and Strawberry 0.341.2
evaluates the annotation in an empty namespace each time. Nearly all of these evaluations fail, and
the import of the schema makes 3,900 of them for 155 different texts. No upstream issue is known.
"""

from __future__ import annotations

from functools import lru_cache

from strawberry.annotation import StrawberryAnnotation

evaluate_uncached = StrawberryAnnotation.evaluate
"""Strawberry's own method."""


@lru_cache(maxsize=1024)
def evaluate_without_namespace(text: str) -> tuple[type | None, str]:
    """The type that an annotation names in an empty namespace, or else the NameError's message."""
    try:
        return evaluate_uncached(StrawberryAnnotation(text)), ""
    except NameError as error:
        return None, str(error)


def evaluate_cached(self: StrawberryAnnotation) -> type:
    """Replaces `StrawberryAnnotation.evaluate`. Raises NameError."""
    text = self.raw_annotation
    if self.namespace is not None or not isinstance(text, str):
        return evaluate_uncached(self)
    result, message = evaluate_without_namespace(text)
    if result is None:
        raise NameError(message)
    return result


def cache_evaluations() -> None:
    """Evaluate each text without a namespace only once. Other annotations stay as they are."""
    StrawberryAnnotation.evaluate = evaluate_cached
