"""The words of the API and its table of contents. Words import models alone; the rows also import resolvers."""

from schema import enums

__all__ = ["enums"]  # first, so that every type finds the enums of models under their API names
