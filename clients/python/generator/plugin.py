"""What the generated client does differently from the generator's default.

- Interfaces that many types refer to (actors, messages, user errors, events) have one class each,
  instead of one per place where they are selected. SHARED lists their fragments.
- A type or an enum value that a newer server adds does not make the whole response invalid.
- A mutation returns a payload and never None: the client raises an exception instead.
- Type checkers accept the Python names of the fields of inputs.
"""

from __future__ import annotations

import ast
import builtins
from keyword import iskeyword

from ariadne_codegen.plugins.base import Plugin
from graphql import (
    ExecutableDefinitionNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    is_interface_type,
)
from syntax import (
    Renaming,
    defined_name,
    field_name,
    find_alias,
    is_rebuild,
    is_subscript_of,
    prune,
    remove_imports,
    replace_class,
    used_names,
)

MODELS = "ticketwire_client.models"
SHARED = {
    "Actor": "Actor",
    "Attachment": "Attachment",
    "Message": "Message",
    "Reply": "Message",
    "Note": "Message",
    "UserError": "AnyUserError",
}
"""Fragments, and the classes in models.py that hold what they select."""
EVENT_FRAGMENT = "TicketEvent"
EVENTS_OPERATION = "Follow"
EVENT_PREFIX = "FollowTicketEvents"
"""The generator's names for the classes of events begin with the operation and its field."""
ANY_EVENT = "AnyTicketEvent"
CHOICE = "choose_by_typename"

MISSING_VALUE = '''
@classmethod
def _missing_(cls, value: object) -> "{name}":
    """A value that a newer server has added."""
    if not isinstance(value, str):
        raise ValueError(value)
    member = str.__new__(cls, value)
    member._name_ = member._value_ = value
    return member
'''


class TicketwirePlugin(Plugin):
    def __init__(self, schema: GraphQLSchema, config_dict: dict[str, object]) -> None:
        super().__init__(schema, config_dict)
        self.interfaces = {
            each.name for each in schema.type_map.values() if is_interface_type(each)
        }
        self.aliases: dict[str, str] = {}
        """Other names of fragments, such as CreateTicketCreateTicket for TicketPayload."""
        self.event_classes: list[ast.stmt] = []
        self.fragment_classes: set[str] = set()

    # ---------------------------------------------------------------- names, enums, inputs

    def process_name(self, name: str, node: Node | None = None) -> str:
        """`filter` and `type` are the field's own words, although Python has such functions."""
        if name == "sha_256":
            return "sha256"
        plain = name.removesuffix("_")
        return plain if hasattr(builtins, plain) and not iskeyword(plain) else name

    def generate_enum(self, class_def: ast.ClassDef, enum_type: GraphQLEnumType) -> ast.ClassDef:
        class_def.body += ast.parse(MISSING_VALUE.format(name=class_def.name)).body
        return class_def

    def generate_input_field(
        self, field_implementation: ast.AnnAssign, input_field: GraphQLInputField, field_name: str
    ) -> ast.AnnAssign:
        """Type checkers take `alias` for the name of the argument, but not these two."""
        value = field_implementation.value
        if isinstance(value, ast.Call):
            (alias,) = [each.value for each in value.keywords if each.arg == "alias"] or [None]
            if alias is not None:
                names = [
                    ast.keyword(f"{kind}_alias", alias) for kind in ("validation", "serialization")
                ]
                value.keywords = names + [each for each in value.keywords if each.arg != "alias"]
        return field_implementation

    # ---------------------------------------------------------------- results

    def generate_result_field(
        self,
        field_implementation: ast.AnnAssign,
        operation_definition: ExecutableDefinitionNode,
        field: FieldNode,
    ) -> ast.AnnAssign:
        name = find_shared_class(field)
        if name is not None:
            replace_class(field_implementation, name)
        else:
            self.accept_other_types(field_implementation)
        if (
            is_mutation(operation_definition)
            and field in operation_definition.selection_set.selections
        ):
            annotation = field_implementation.annotation
            if is_subscript_of(annotation, "Optional"):
                field_implementation.annotation = annotation.slice
        return field_implementation

    def generate_result_class(
        self,
        class_def: ast.ClassDef,
        operation_definition: ExecutableDefinitionNode,
        selection_set: SelectionSetNode,
    ) -> ast.ClassDef:
        """The class of an interface accepts every type, also one that a newer server has."""
        for each in class_def.body:
            if field_name(each) == "typename__" and used_names(each) & self.interfaces:
                each.annotation = ast.Name("str")
        return class_def

    def accept_other_types(self, field: ast.AnnAssign) -> None:
        """Try the class of the interface, which is the first of a union, after the others."""
        for node in ast.walk(field.annotation):
            if is_subscript_of(node, "Annotated"):
                union, choice = node.slice.elts
                union.slice.elts.append(union.slice.elts.pop(0))
                choice.keywords = [ast.keyword("union_mode", ast.Constant("left_to_right"))]

    def generate_result_types_module(
        self, module: ast.Module, operation_definition: ExecutableDefinitionNode
    ) -> ast.Module:
        name = operation_definition.name.value
        self.remove_aliases(module)
        if name == EVENTS_OPERATION:
            self.event_classes = self.share_events(module)
        remove_imports(module, {*SHARED, EVENT_FRAGMENT})
        prune(module, {name})
        module.body.insert(0, MODELS_IMPORT)
        return ast.fix_missing_locations(module)

    def generate_fragments_module(
        self, module: ast.Module, fragments_definitions: dict[str, FragmentDefinitionNode]
    ) -> ast.Module:
        """Add the classes of events, to which pages of events refer."""
        self.remove_aliases(module)
        roots = set(fragments_definitions) - set(SHARED)
        module.body = [each for each in module.body if getattr(each, "name", "") not in SHARED]
        prune(module, roots)
        rebuilds = [each for each in module.body if isinstance(each, ast.Expr)]
        others = [each for each in module.body if not isinstance(each, ast.Expr)]
        module.body = [MODELS_IMPORT, PYDANTIC_IMPORT, *others, *self.event_classes, *rebuilds]
        self.fragment_classes = {
            each.name for each in module.body if isinstance(each, ast.ClassDef)
        }
        return ast.fix_missing_locations(module)

    def remove_aliases(self, module: ast.Module) -> None:
        """Use the name of a fragment in place of a class that only inherits from it."""
        found = {
            name: fragment for node in module.body for name, fragment in [find_alias(node)] if name
        }
        self.aliases |= found
        module.body = [
            node
            for node in module.body
            if defined_name(node) not in found and not is_rebuild(node, found)
        ]
        Renaming(self.aliases).visit(module)

    def share_events(self, module: ast.Module) -> list[ast.stmt]:
        """Rename the classes of events, and let them inherit the fields that all events have."""
        interface = self.schema.type_map[EVENT_FRAGMENT]
        types = {each.name for each in self.schema.get_possible_types(interface)} | {EVENT_FRAGMENT}
        members = {f"{EVENT_PREFIX}{each}" for each in types}
        prune(module, members)
        classes = [each for each in module.body if isinstance(each, ast.ClassDef)]
        names = {each.name: each.name.removeprefix(EVENT_PREFIX) for each in classes}
        for each in classes:
            Renaming(names).visit(each)
        (base,) = [each for each in classes if each.name == EVENT_FRAGMENT]
        common = {field_name(each) for each in base.body}
        for each in classes:
            if each.name in types and each is not base:
                each.bases = [ast.Name(EVENT_FRAGMENT)]
                each.body = [field for field in each.body if field_name(field) not in common]
        rest = [each for each in classes if each is not base]
        known = [each.name for each in rest if each.name in types]
        return [base, *rest, *ast.parse(build_union(known)).body]

    # ---------------------------------------------------------------- client

    def generate_client_class(self, class_def: ast.ClassDef) -> ast.ClassDef:
        """Without the subscription: `TicketwireClient.follow` resumes it."""
        class_def.body = [each for each in class_def.body if getattr(each, "name", "") != "follow"]
        return class_def

    def generate_client_module(self, module: ast.Module) -> ast.Module:
        Renaming(self.aliases).visit(module)
        remove_imports(module, self.aliases)
        names = [ast.alias(each) for each in sorted(self.fragment_classes)]
        module.body.insert(0, ast.ImportFrom("fragments", names, 1))
        return ast.fix_missing_locations(module)

    def generate_init_module(self, module: ast.Module) -> ast.Module:
        """Export inputs, enums, fragments and events, but no class named after an operation."""
        names = {"fragments": self.fragment_classes | {ANY_EVENT}}
        for node in module.body:
            if isinstance(node, ast.ImportFrom) and node.module in ("enums", "input_types"):
                names[node.module] = {each.name for each in node.names}
        imports = [
            ast.ImportFrom(module, [ast.alias(each) for each in sorted(names[module])], 1)
            for module in sorted(names)
        ]
        exported = [ast.Constant(each) for each in sorted(set().union(*names.values()))]
        assignment = ast.Assign([ast.Name("__all__", ast.Store())], ast.List(exported, ast.Load()))
        module.body = [*imports, assignment]
        return ast.fix_missing_locations(module)


MODELS_IMPORT = ast.ImportFrom(
    MODELS, [ast.alias(each) for each in sorted({*SHARED.values(), CHOICE})], 0
)
PYDANTIC_IMPORT = ast.ImportFrom("pydantic", [ast.alias("Discriminator"), ast.alias("Tag")], 0)


def build_union(known: list[str]) -> str:
    """A union that takes events of unknown types for the class with the fields of all events."""
    members = ", ".join(f'Annotated[{each}, Tag("{each}")]' for each in [*known, EVENT_FRAGMENT])
    names = ", ".join(f'"{each}"' for each in known)
    choice = f'Discriminator({CHOICE}([{names}], "{EVENT_FRAGMENT}"))'
    return f"{ANY_EVENT} = Annotated[Union[{members}], {choice}]"


def find_shared_class(field: FieldNode) -> str | None:
    """The annotation of a field that selects one shared fragment and nothing else."""
    selections = field.selection_set.selections if field.selection_set else ()
    if len(selections) != 1 or not isinstance(selections[0], FragmentSpreadNode):
        return None
    fragment = selections[0].name.value
    return f'"{ANY_EVENT}"' if fragment == EVENT_FRAGMENT else SHARED.get(fragment)


def is_mutation(definition: ExecutableDefinitionNode) -> bool:
    is_operation = isinstance(definition, OperationDefinitionNode)
    return is_operation and definition.operation is OperationType.MUTATION
