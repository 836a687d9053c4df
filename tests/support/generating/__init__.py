"""Valid operations by chance, straight from the schema: what they ask, what they are given, and how they are made smaller."""

from support.generating.generator import Generator
from support.generating.pool import Pool

__all__ = ["Generator", "Pool"]
