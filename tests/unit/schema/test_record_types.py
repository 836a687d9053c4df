"""What the compiled plans learn about the schema."""

from __future__ import annotations

import pytest
from strawberry.extensions import FieldExtension

from schema.records.record_types import permission_check


def test_a_field_with_another_extension_is_not_compiled() -> None:
    """graphql-core then executes the operation, and calls the extension."""
    with pytest.raises(TypeError, match="FieldExtension is no permission check"):
        permission_check(FieldExtension())
