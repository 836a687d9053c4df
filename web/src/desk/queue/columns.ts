// The columns of the list: their names, widths, and which of them fit.
import { m } from "../../shared/messages";
import type { Column } from "../list/documents";
import type { FieldColumns } from "../list/field-columns.svelte";
import { fieldKeyOf, isFieldColumn, isOwnColumn, type ListColumn } from "../list/list-columns";

/** Below this width of the list, a row has two lines instead of columns. */
export const ONE_LINE_FROM_PX = 560;
/** Below this width, names of statuses and people are signs and initials. */
export const WORDS_FROM_PX = 720;

/** Below this width, the SLA target is in the second line, and assignees are initials. */
export const TIGHT_BELOW_PX = 420;
/** Below this width, the status in the second line is a sign. */
export const SIGNS_BELOW_PX = 340;

const MIN_SUBJECT_PX = 200;
const MIN_NARROW_SUBJECT_PX = 112;
const GAP_PX = 8;
/** The padding of a row, where the checkbox is, and on the right. */
const PADDING_PX = 48;

interface ColumnDefinition {
  readonly name: () => string;
  readonly width: number;
  /** The width in a list that is too narrow for words; absent if the column is left out there. */
  readonly narrow?: number;
}

export const COLUMNS: Readonly<Record<Exclude<Column, "SUBJECT">, ColumnDefinition>> = {
  STATUS: { name: m.queue_status, width: 120, narrow: 20 },
  REF: { name: m.queue_column_ref, width: 80, narrow: 72 },
  REQUESTER: { name: m.queue_column_requester, width: 128 },
  ORGANIZATION: { name: m.queue_column_organization, width: 128 },
  PRIORITY: { name: m.queue_priority, width: 64, narrow: 16 },
  SLA: { name: m.queue_column_sla, width: 160, narrow: 136 },
  ASSIGNEE: { name: m.queue_assignee, width: 112, narrow: 24 },
  TEAM: { name: m.queue_team, width: 112 },
  CATEGORY: { name: m.queue_category, width: 112 },
  TAGS: { name: m.queue_column_tags, width: 144 },
  LAST_REPLY_AT: { name: m.queue_column_last_reply, width: 128 },
  CREATED_AT: { name: m.queue_column_created, width: 128 },
  UPDATED_AT: { name: m.queue_column_updated, width: 128 },
  SLA_BREACHES_AT: { name: m.queue_column_sla_at, width: 128 },
  STAGE: { name: m.queue_column_stage, width: 96 },
  ESCALATION_LEVEL: { name: m.queue_column_escalation, width: 80 },
  RESOLVED_AT: { name: m.queue_column_resolved, width: 128 },
  CLOSED_AT: { name: m.queue_column_closed, width: 128 },
  HELD_UNTIL: { name: m.queue_column_held, width: 128 },
  SATISFACTION_SCORE: { name: m.queue_column_rating, width: 64 },
};

const FIELD_WIDTH_PX = 128;

const DEFAULT: readonly Column[] = [
  ...(["STATUS", "REF", "SUBJECT", "ORGANIZATION", "PRIORITY", "SLA", "ASSIGNEE"] as const),
  ...(["LAST_REPLY_AT"] as const),
];

export const COLUMN_NAMES = Object.keys(COLUMNS) as Exclude<Column, "SUBJECT">[];

export interface ShownColumn {
  readonly column: ListColumn;
  readonly name: string;
  /** Null for the subject, which takes the rest. */
  readonly width: number | null;
}

/** The columns of a view, custom fields last. The subject is always among them. */
export function columnsOf(columns: readonly ListColumn[]): readonly ListColumn[] {
  return [...ownColumns(columns.filter(isOwnColumn)), ...new Set(columns.filter(isFieldColumn))];
}

function ownColumns(columns: readonly Column[]): readonly Column[] {
  if (columns.length === 0) return DEFAULT;
  const known = [...new Set(columns)].filter((each) => each === "SUBJECT" || each in COLUMNS);
  return known.includes("SUBJECT") ? known : ["SUBJECT", ...known];
}

/** The columns that fit into a list of this width, the first ones first. */
export function fitColumns(
  columns: readonly ListColumn[],
  width: number,
  fields: FieldColumns["known"],
): readonly ShownColumn[] {
  const isNarrow = width < WORDS_FROM_PX;
  let left = width - (isNarrow ? MIN_NARROW_SUBJECT_PX : MIN_SUBJECT_PX) - PADDING_PX;
  const shown: ShownColumn[] = [];
  for (const column of columns) {
    if (column === "SUBJECT") {
      shown.push({ column, name: m.queue_column_subject(), width: null });
      continue;
    }
    const definition = isFieldColumn(column) ? fieldDefinition(column, fields) : COLUMNS[column];
    if (definition === undefined) continue;
    const own = isNarrow ? definition.narrow : definition.width;
    if (own === undefined || own + GAP_PX > left) continue;
    left -= own + GAP_PX;
    shown.push({ column, name: definition.name(), width: own });
  }
  return shown;
}

/** Undefined for a field that does not exist, or is archived. */
function fieldDefinition(
  column: ListColumn,
  fields: FieldColumns["known"],
): ColumnDefinition | undefined {
  const field = fields.find(({ key }) => key === fieldKeyOf(column));
  return field && { name: () => field.label, width: FIELD_WIDTH_PX };
}
