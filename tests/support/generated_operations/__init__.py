"""Random valid operations generated from the schema, their comparison, and their reduction."""

from support.generated_operations.generator import Generator
from support.generated_operations.pool import Pool

__all__ = ["Generator", "Pool"]
