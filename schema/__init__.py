"""The public API: types, inputs and payloads, and the root fields that refer to resolvers."""

from schema.annotation_cache import cache_evaluations

cache_evaluations()  # before the first type is defined

from schema import enums  # noqa: E402

__all__ = ["enums"]  # first, so that every type finds the enums of models under their API names
