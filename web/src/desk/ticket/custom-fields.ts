// The values of custom fields as the inputs of forms have them.
import type { CustomField, CustomFieldValue } from "../ticket-documents";

/** The value as the text of a field of a form. */
export function rawText(field: CustomField, value: CustomFieldValue | undefined): string {
  if (value === undefined) return "";
  if (field.type === "NUMBER") return value.number == null ? "" : String(value.number);
  if (field.type === "DATE") return value.date == null ? "" : String(value.date);
  return value.text ?? "";
}
