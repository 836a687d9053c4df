"""Valid operations by chance, straight from the schema: what they ask, what they are given, and how they are made smaller."""

from support.generated_operations.generator import Generator
from support.generated_operations.pool import Pool

__all__ = ["Generator", "Pool"]
