// The custom fields of tickets.
import { graphql, type ResultOf } from "../../shared/graphql";
import { m } from "../../shared/messages";
import { archiving, filterRows } from "../base/actions";
import { directory } from "../base/directory.svelte";
import type { OptionValue, Values } from "../base/field";
import { mutate, readAll, run } from "../base/request";
import type { Section } from "../base/section";
import { textOrNull, toFieldKey } from "../base/values";
import { ACCESSES, choicesOf, FIELD_TYPES, REQUIREMENTS } from "../base/words";

const FIELD = graphql(`
  fragment AdminField on CustomField {
    id key label type requiredAt customerAccess active version
    options { key label active }
    categories { slug name }
  }
`);
const LIST = graphql(
  `
    query AdminFields($includeInactive: Boolean, $first: Int, $after: String) {
      customFields(includeInactive: $includeInactive, first: $first, after: $after) {
        nodes { ...AdminField }
        pageInfo { hasNextPage endCursor }
      }
    }
  `,
  [FIELD],
);
const FIND = graphql(
  `
    query AdminFieldById($id: ID!) { node(id: $id) { __typename ...AdminField } }
  `,
  [FIELD],
);
const CREATE = graphql(
  `
    mutation AdminCreateField($input: CreateCustomFieldInput!) {
      result: createCustomField(input: $input) { record: customField { ...AdminField } userErrors { code message field } }
    }
  `,
  [FIELD],
);
const UPDATE = graphql(
  `
    mutation AdminUpdateField($input: UpdateCustomFieldInput!) {
      result: updateCustomField(input: $input) { record: customField { ...AdminField } userErrors { code message field } }
    }
  `,
  [FIELD],
);
const ARCHIVE = graphql(
  `
    mutation AdminArchiveField($input: ArchiveCustomFieldInput!) {
      result: archiveCustomField(input: $input) { record: customField { ...AdminField } userErrors { code message field } }
    }
  `,
  [FIELD],
);

type CustomField = ResultOf<typeof FIELD>;

const hasOptions = ({ type }: Values): boolean => type === "SELECT" || type === "MULTI_SELECT";

function referTo({ id, version }: CustomField): { fieldId: string; expectedVersion: number } {
  return { fieldId: id, expectedVersion: version };
}

function optionInput({ key, label, active }: OptionValue): object {
  return { key, label, active };
}

export const SECTION: Section<CustomField> = {
  id: "fields",
  title: m.admin_fields,
  hint: m.admin_fields_hint,
  newTitle: m.admin_new_field,
  hasArchived: true,
  columns: [
    { label: m.admin_key, text: (row) => row.key },
    { label: m.admin_type, text: (row) => FIELD_TYPES[row.type]() },
    {
      label: m.admin_categories,
      text: (row) => row.categories.map((each) => each.name).join(", ") || m.admin_all_categories(),
    },
    { label: m.admin_required_at, text: (row) => (row.requiredAt ? REQUIREMENTS[row.requiredAt]() : "") },
  ],
  nameOf: (row) => row.label,
  async load(query) {
    const includeInactive = query.includeArchived;
    const rows = await readAll(
      async (first, after) => (await run(LIST, { includeInactive, first, after })).customFields,
    );
    return filterRows(rows, query, (row) => `${row.label} ${row.key}`);
  },
  async find(id) {
    const { node } = await run(FIND, { id });
    return node?.__typename === "CustomField" ? node : null;
  },
  fields: [
    { kind: "text", name: "label", label: m.admin_label, hint: m.admin_label_hint, isRequired: true },
    {
      kind: "text",
      name: "key",
      label: m.admin_key,
      hint: m.admin_key_hint,
      isRequired: true,
      isFixed: true,
      suggest: { from: "label", by: toFieldKey },
    },
    {
      kind: "select",
      name: "type",
      label: m.admin_type,
      hint: m.admin_type_hint,
      isRequired: true,
      isFixed: true,
      choices: () => choicesOf(FIELD_TYPES),
    },
    { kind: "options", name: "options", label: m.admin_options, hint: m.admin_options_hint, isShown: hasOptions },
    {
      kind: "many",
      name: "categories",
      label: m.admin_categories,
      none: m.admin_all_categories,
      choices: () => directory.categories,
    },
    {
      kind: "select",
      name: "requiredAt",
      label: m.admin_required_at,
      none: m.admin_never,
      choices: () => choicesOf(REQUIREMENTS),
    },
    {
      kind: "select",
      name: "customerAccess",
      label: m.admin_access,
      hint: m.admin_access_hint,
      isRequired: true,
      choices: () => choicesOf(ACCESSES),
    },
  ],
  blank: () => ({
    label: "",
    key: "",
    type: "TEXT",
    options: [],
    categories: [],
    requiredAt: "",
    customerAccess: "HIDDEN",
  }),
  read: (row) => ({
    label: row.label,
    key: row.key,
    type: row.type,
    options: row.options.map((each, id): OptionValue => ({ ...each, id, isStored: true })),
    categories: row.categories.map((each) => each.slug),
    requiredAt: row.requiredAt ?? "",
    customerAccess: row.customerAccess,
  }),
  toInput: (values) => ({
    label: values.label,
    key: values.key,
    type: values.type,
    options: hasOptions(values) ? (values.options as OptionValue[]).map(optionInput) : null,
    categories: values.categories,
    requiredAt: textOrNull(values.requiredAt),
    customerAccess: values.customerAccess,
  }),
  create: (input) => mutate(CREATE, input),
  change: (row, changes) => mutate(UPDATE, { ...referTo(row), ...changes }),
  actions: (row) =>
    archiving(row, {
      name: row.label,
      text: m.admin_archive_field(),
      archive: () => mutate(ARCHIVE, referTo(row)),
      restore: () => mutate(UPDATE, { ...referTo(row), active: true }),
    }),
};
