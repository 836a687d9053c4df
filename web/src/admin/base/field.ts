// The fields of forms.
import { m } from "../../shared/messages";
import { toSlug } from "./values";

/** The values of a form by the names of its fields. Each kind of field has its own type of value. */
export type Values = Readonly<Record<string, unknown>>;

export interface Choice {
  readonly id: string;
  readonly label: string;
  /** Tells choices with equal labels apart. */
  readonly detail?: string;
}

interface Common {
  /** The name in the values and in the input of the API, to which user errors refer. */
  readonly name: string;
  readonly label: () => string;
  readonly hint?: () => string;
  readonly isRequired?: boolean;
  /** Whether it can't be changed after the creation. */
  readonly isFixed?: boolean;
  /** Whether only the form of a new record has it. */
  readonly isNewOnly?: boolean;
  readonly isShown?: (values: Values) => boolean;
}

/** Text: a string. `suggest` derives it from another field until the person changes it. */
export interface TextField extends Common {
  readonly kind: "text" | "area";
  readonly type?: "text" | "email" | "number";
  readonly suggest?: { readonly from: string; readonly by: (text: string) => string };
}

/** A boolean. */
export interface CheckField extends Common {
  readonly kind: "check";
}

/** The id of a choice, or "" for none. */
export interface SelectField extends Common {
  readonly kind: "select";
  readonly choices: () => readonly Choice[];
  /** The text of no choice; absent if there must be one. */
  readonly none?: () => string;
}

/** The ids of choices. */
export interface ManyField extends Common {
  readonly kind: "many";
  readonly choices: () => readonly Choice[];
  /** The text while none is chosen. */
  readonly none: () => string;
}

/** A choice or null, found by the server. */
export interface LookupField extends Common {
  readonly kind: "lookup";
  readonly find: (text: string) => Promise<readonly Choice[]>;
}

/** A list of strings, one per line. */
export interface LinesField extends Common {
  readonly kind: "lines";
}

/** A `DurationValue`. */
export interface DurationField extends Common {
  readonly kind: "duration";
  /** Whether it counts working time, in which a day has no fixed length. */
  readonly isWorkingTime?: boolean;
}

/** Hours of a week (`Week`), steps (`StepValue[]`), options (`OptionValue[]`). */
export interface SpecialField extends Common {
  readonly kind: "week" | "steps" | "options";
}

export type Field =
  | TextField
  | CheckField
  | SelectField
  | ManyField
  | LookupField
  | LinesField
  | DurationField
  | SpecialField;

/** A name, and the slug that refers to the record: it is derived from the name and stays. */
export const NAME_AND_SLUG: readonly Field[] = [
  { kind: "text", name: "name", label: m.admin_name, isRequired: true },
  {
    kind: "text",
    name: "slug",
    label: m.admin_slug,
    hint: m.admin_slug_hint,
    isRequired: true,
    isFixed: true,
    suggest: { from: "name", by: toSlug },
  },
];

/** A block of working hours. */
export interface Hours {
  /** A time of day, such as "09:00". */
  readonly start: string;
  readonly end: string;
}

/** The hours of the days from Monday to Sunday. */
export type Week = ReadonlyArray<readonly Hours[]>;

export interface DurationValue {
  readonly amount: string;
  readonly unit: "S" | "M" | "H" | "D";
}

export interface StepValue {
  /** Identifies the step in the list on the page. The server does not know it. */
  readonly key: number;
  /** The delay between the trigger of the escalation and the step. */
  readonly after: DurationValue;
  readonly action: string;
  readonly team: string;
  readonly person: Choice | null;
}

export interface OptionValue {
  /** Identifies the option in the list on the page. The server does not know it. */
  readonly id: number;
  readonly key: string;
  readonly label: string;
  readonly active: boolean;
  /** Whether the server has the option. If so, its key is fixed. */
  readonly isStored: boolean;
}
