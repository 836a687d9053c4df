// The values of custom fields: for a reader, and as mutations take them.
import type { graphql } from "../graphql";
import { m } from "../messages";
import { DAY, NUMBER } from "../time/formats";

export type CustomFieldInput = ReturnType<typeof graphql.scalar<"CustomFieldInput">>;

export interface FieldValue {
  readonly field: { readonly type: string };
  readonly text: string | null;
  readonly number: number | null;
  readonly boolean: boolean | null;
  readonly date: unknown;
  readonly options: readonly { readonly label: string }[];
}

/** The value for a reader; empty if there is none. */
export function fieldText({ field, ...value }: FieldValue): string {
  switch (field.type) {
    case "NUMBER":
      return value.number == null ? "" : NUMBER.format(value.number);
    case "BOOLEAN":
      return value.boolean === true ? m.shared_yes() : m.shared_no();
    case "DATE":
      return value.date == null ? "" : dateText(String(value.date));
    case "SELECT":
    case "MULTI_SELECT":
      return value.options.map((each) => each.label).join(", ");
    default:
      return value.text ?? "";
  }
}

function dateText(date: string): string {
  return DAY.format(new Date(`${date}T00:00:00Z`));
}

/** The input that stores what a person has typed. An empty text removes the value. */
export function inputOf(
  field: { readonly key: string; readonly type: string },
  typed: string,
): CustomFieldInput {
  const text = typed.trim();
  if (field.type === "NUMBER") return { key: field.key, number: text === "" ? null : Number(text) };
  if (field.type === "DATE") return { key: field.key, date: text === "" ? null : text };
  return { key: field.key, text: text === "" ? null : text };
}
