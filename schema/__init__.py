"""The public API: types, inputs and payloads, and the root fields that refer to resolvers."""

from schema import enums

__all__ = ["enums"]  # first, so that every type finds the enums of models under their API names
