"""The example operations are valid, have the variables that they need, and explain themselves."""

from __future__ import annotations

from graphql import NonNullTypeNode, build_schema, parse, validate
from support.operations import FOLDER, read_examples

MAX_LINE_CHARS = 100
SCHEMA = FOLDER.parents[1] / "schema" / "schema.graphql"


def test_the_operations_are_valid() -> None:
    schema = build_schema(SCHEMA.read_text())
    errors = {
        each.file: [error.message for error in validate(schema, parse(each.text))]
        for each in read_examples()
    }
    assert {file: found for file, found in errors.items() if found} == {}


def test_there_are_ten_of_all_kinds_with_names_of_their_own() -> None:
    examples = read_examples()
    assert len({each.name for each in examples}) == len(examples) == 10
    assert {each.operation.operation.value for each in examples} == {
        "query",
        "mutation",
        "subscription",
    }


def test_each_has_values_for_the_variables_that_it_needs_and_no_others() -> None:
    for each in read_examples():
        definitions = each.operation.variable_definitions or ()
        names = {one.variable.name.value for one in definitions}
        needed = {
            one.variable.name.value for one in definitions if isinstance(one.type, NonNullTypeNode)
        }
        assert needed <= each.variables.keys() <= names, each.file


def test_each_begins_with_an_explanation() -> None:
    for each in read_examples():
        lines = each.text.splitlines()
        assert lines[0].startswith("# "), each.file
        assert max(map(len, lines)) <= MAX_LINE_CHARS, each.file


def test_each_file_is_an_operation_or_its_variables() -> None:
    files = {each.file for each in read_examples()}
    assert {path.stem for path in FOLDER.iterdir()} == files
    assert {path.suffix for path in FOLDER.iterdir()} == {".graphql", ".json"}
