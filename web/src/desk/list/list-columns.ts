// The columns of a view: those that every ticket has, and custom fields.
import type { Column } from "./documents";

type FieldColumn = `customFields.${string}`;
export type ListColumn = Column | FieldColumn;

const PREFIX = "customFields.";
const COLUMN = /^([A-Z_]{2,30}|customFields\.[a-z][a-z0-9_]{0,63})$/;

export function fieldColumn(key: string): FieldColumn {
  return `${PREFIX}${key}`;
}

/** The key of the custom field that a column shows; null for other columns. */
export function fieldKeyOf(column: ListColumn): string | null {
  return isFieldColumn(column) ? column.slice(PREFIX.length) : null;
}

export function isFieldColumn(column: ListColumn): column is FieldColumn {
  return column.startsWith(PREFIX);
}

export function isOwnColumn(column: ListColumn): column is Column {
  return !isFieldColumn(column);
}

/** Whether a text of an address may be a column. */
export function isColumn(text: string): text is ListColumn {
  return COLUMN.test(text);
}

/** The columns as mutations of views take them. */
export function columnsInput(columns: readonly ListColumn[]): {
  columns: Column[];
  customFieldColumns: string[];
} {
  return {
    columns: columns.filter(isOwnColumn),
    customFieldColumns: columns.map(fieldKeyOf).filter((key) => key !== null),
  };
}
