// The values of custom fields as text, and as the inputs of forms have them.
import type { VariablesOf } from "../../shared/graphql";
import { FORMAT, m } from "../../shared/messages";
import type { CustomField, CustomFieldValue } from "./documents";
import type { UPDATE } from "./mutations";

type Inputs = NonNullable<VariablesOf<typeof UPDATE>["input"]["customFields"]>;
export type CustomFieldInput = Inputs[number];

/** The value for a reader; empty if there is none. */
export function valueText(field: CustomField, value: CustomFieldValue | undefined): string {
  if (value === undefined) return "";
  switch (field.type) {
    case "NUMBER":
      return value.number?.toLocaleString(FORMAT) ?? "";
    case "BOOLEAN":
      return value.boolean === true ? m.ticket_yes() : m.ticket_no();
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
  const format = new Intl.DateTimeFormat(FORMAT, { dateStyle: "medium", timeZone: "UTC" });
  return format.format(new Date(`${date}T00:00:00Z`));
}

/** The value as the text of a field of a form. */
export function rawText(field: CustomField, value: CustomFieldValue | undefined): string {
  if (value === undefined) return "";
  if (field.type === "NUMBER") return value.number == null ? "" : String(value.number);
  if (field.type === "DATE") return value.date == null ? "" : String(value.date);
  return value.text ?? "";
}

/** The input that stores what a person has typed. An empty text removes the value. */
export function inputOf(field: CustomField, typed: string): CustomFieldInput {
  const text = typed.trim();
  if (field.type === "NUMBER") return { key: field.key, number: text === "" ? null : Number(text) };
  if (field.type === "DATE") return { key: field.key, date: text === "" ? null : text };
  return { key: field.key, text: text === "" ? null : text };
}
