import { parse, print } from "@0no-co/graphql.web";
import type {
  DocumentNode,
  FieldNode,
  FragmentDefinitionNode,
  OperationDefinitionNode,
  SelectionSetNode,
  ValueNode,
} from "@0no-co/graphql.web";

/** The variables of an operation. */
export type Variables = Readonly<Record<string, unknown>>;

/**
 * A parsed document with the types of its result and variables. Documents of gql.tada and of
 * GraphQL Code Generator (TypedDocumentNode) have this type.
 */
export interface TypedDocument<Result, Input> {
  readonly kind: "Document";
  readonly definitions: readonly unknown[];
  __apiType?: (variables: Input) => Result;
}

/** A selected field, with the fragments of its selection expanded. */
export interface Selection {
  readonly responseKey: string;
  readonly name: string;
  readonly args: ReadonlyArray<readonly [name: string, value: ValueNode]>;
  /** Null for scalars and enums. */
  readonly children: readonly Selection[] | null;
  /** Whether the field may be absent: it has a directive, or belongs to a fragment. */
  readonly isOptional: boolean;
  /** Whether the selected objects are records, which have an `id`. */
  readonly isRecord: boolean;
  /** The key in the store, if it depends on no variables. */
  readonly staticKey: string | null;
}

/** An operation that is ready to be sent, and to be split into records. */
export interface Operation {
  readonly text: string;
  readonly selections: readonly Selection[];
}

const operations = new WeakMap<object, Operation>();

/** Parses a document, for applications that don't use gql.tada or a code generator. */
export function gql<Result = unknown, Input = Variables>(
  text: string,
): TypedDocument<Result, Input> {
  return parse(text) as unknown as TypedDocument<Result, Input>;
}

/** Prepares the only operation of a document. The result is kept as long as the document. */
export function prepare<Result, Input>(document: TypedDocument<Result, Input>): Operation {
  const known = operations.get(document);
  if (known) return known;
  const node = document as unknown as DocumentNode;
  const fragments = new Map<string, FragmentDefinitionNode>();
  let operation: OperationDefinitionNode | undefined;
  for (const definition of node.definitions) {
    if (definition.kind === "FragmentDefinition") fragments.set(definition.name.value, definition);
    if (definition.kind === "OperationDefinition") operation = definition;
  }
  if (!operation) throw new TypeError("the document has no operation");
  const selections = expand([operation.selectionSet], fragments);
  const prepared = { text: print(node), selections };
  operations.set(document, prepared);
  return prepared;
}

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

interface Field {
  readonly node: FieldNode;
  readonly sets: SelectionSetNode[];
  readonly conditions: Conditions;
  /** Whether each of its occurrences may be absent, by whatever condition. */
  isOptional: boolean;
}

/** Why a field may be absent from an object. */
interface Conditions {
  /** It belongs to a named fragment, which may be one of another type. */
  isInFragment: boolean;
  /** It has a directive, or belongs to an inline fragment. */
  isConditional: boolean;
}

const NO_CONDITIONS: Conditions = { isInFragment: false, isConditional: false };

/**
 * Merges selection sets of one object into a list of fields.
 *
 * @param outer Why all these fields may be absent.
 */
function expand(
  sets: readonly SelectionSetNode[],
  fragments: Fragments,
  outer: Conditions = NO_CONDITIONS,
): readonly Selection[] {
  const fields = new Map<string, Field>();
  for (const set of sets) collect(set, fragments, outer, fields);
  return [...fields.values()].map(({ node, sets: children, conditions, isOptional }) => {
    // The field occurs several times, always in a fragment or with a condition. Fragments of
    // several types may select different fields of its object, so each of these may be absent.
    const isMerged = children.length > 1 && isOptional;
    const selection = {
      responseKey: responseKey(node),
      name: node.name.value,
      args: (node.arguments ?? []).map((each) => [each.name.value, each.value] as const),
      children: children.length
        ? expand(children, fragments, isMerged ? { ...conditions, isInFragment: true } : NO_CONDITIONS)
        : null,
      isOptional,
      isRecord: hasId(children, fragments),
      staticKey: null,
    };
    return { ...selection, staticKey: usesVariables(selection) ? null : buildKey(selection, {}) };
  });
}

function responseKey(node: FieldNode): string {
  return (node.alias ?? node.name).value;
}

/** Adds the fields of a selection set. A field that is selected several times is merged. */
function collect(
  set: SelectionSetNode,
  fragments: Fragments,
  outer: Conditions,
  fields: Map<string, Field>,
): void {
  for (const node of set.selections) {
    const isConditional = outer.isConditional || (node.directives?.length ?? 0) > 0;
    if (node.kind === "Field") {
      const name = `${responseKey(node)}:${node.name.value}`;
      const isOptional = isConditional || outer.isInFragment;
      const conditions = { ...outer, isConditional };
      const field = fields.get(name) ?? { node, sets: [], conditions, isOptional };
      field.isOptional &&= isOptional;
      field.conditions.isConditional &&= isConditional;
      field.conditions.isInFragment &&= outer.isInFragment;
      if (node.selectionSet) field.sets.push(node.selectionSet);
      fields.set(name, field);
    } else if (node.kind === "InlineFragment") {
      const hasCondition = isConditional || node.typeCondition !== undefined;
      collect(node.selectionSet, fragments, { ...outer, isConditional: hasCondition }, fields);
    } else {
      const fragment = fragments.get(node.name.value);
      if (!fragment) throw new TypeError(`the document has no fragment ${node.name.value}`);
      collect(fragment.selectionSet, fragments, { isInFragment: true, isConditional }, fields);
    }
  }
}

/**
 * Tells whether a selection has `id` without a condition, so that its objects are records. An `id`
 * in a named fragment counts.
 */
function hasId(sets: readonly SelectionSetNode[], fragments: Fragments): boolean {
  const fields = new Map<string, Field>();
  for (const set of sets) collect(set, fragments, NO_CONDITIONS, fields);
  return fields.get("id:id")?.conditions.isConditional === false;
}

function usesVariables(selection: Selection): boolean {
  const isVariable = (value: ValueNode): boolean =>
    value.kind === "Variable" ||
    (value.kind === "ListValue" && value.values.some(isVariable)) ||
    (value.kind === "ObjectValue" && value.fields.some((field) => isVariable(field.value)));
  if (selection.args.some(([, value]) => isVariable(value))) return true;
  return (
    !selection.isRecord && (selection.children?.some((child) => child.staticKey === null) ?? false)
  );
}

/**
 * Returns the key of a field in the store: its name and arguments. Objects without an id are
 * stored as a whole, so the key of such a field also has its selection. Two queries that select
 * different parts of them don't overwrite each other.
 */
export function storageKey(selection: Selection, variables: Variables): string {
  return selection.staticKey ?? buildKey(selection, variables);
}

function buildKey(selection: Selection, variables: Variables): string {
  const args = selection.args
    .map(([name, value]) => `${name}:${printValue(value, variables)}`)
    .sort();
  const field = args.length ? `${selection.name}(${args.join(",")})` : selection.name;
  if (selection.children === null || selection.isRecord) return field;
  const parts = selection.children.map((child) => childKey(child, variables));
  return `${field}{${parts.sort().join(" ")}}`;
}

/**
 * Returns what the key of an object without an id has for one of its fields. A record within the
 * object is stored under its own id, so the record's selection is not part of the key.
 */
function childKey(selection: Selection, variables: Variables): string {
  const key = storageKey(selection, variables);
  return selection.isRecord ? `${key}{id}` : key;
}

function printValue(value: ValueNode, variables: Variables): string {
  switch (value.kind) {
    case "Variable":
      return stableJson(variables[value.name.value] ?? null);
    case "ListValue":
      return `[${value.values.map((each) => printValue(each, variables)).join(",")}]`;
    case "ObjectValue":
      return `{${value.fields
        .map((each) => `${JSON.stringify(each.name.value)}:${printValue(each.value, variables)}`)
        .sort()
        .join(",")}}`;
    case "NullValue":
      return "null";
    case "StringValue":
      return JSON.stringify(value.value);
    default:
      return String(value.value);
  }
}

/** Returns JSON whose keys are sorted, so that equal values have equal texts. */
function stableJson(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (each === null || typeof each !== "object" || Array.isArray(each)) return each;
    return Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
