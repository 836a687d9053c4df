// What a section of the administration is: a list of records, and a form for one of them.
import type { Component } from "svelte";
import type { UserError } from "../../shared/api";
import type { Field, Values } from "./field";

export interface Row {
  readonly id: string;
  readonly active?: boolean;
}

export interface Outcome<R> {
  /** Null if there are errors, and after a deletion. */
  readonly record: R | null;
  readonly errors: ReadonlyArray<Pick<UserError, "code" | "message" | "field">>;
}

export interface ListQuery {
  readonly search: string;
  /** Whether to return archived or deactivated records, too. */
  readonly includeArchived: boolean;
  readonly after: string | null;
}

export interface ListPage<R> {
  readonly rows: readonly R[];
  /** The cursor of the next page; null if there is none. */
  readonly next: string | null;
}

export interface Column<R> {
  readonly label: () => string;
  /** Whether it gets twice the width. */
  readonly isWide?: boolean;
  text(row: R): string;
}

/** What is asked before something happens: it names what will happen. */
export interface Question {
  readonly title: string;
  readonly text: string;
  readonly confirm: string;
}

/** Something that can be done with a record, apart from changes of its fields. */
export interface Action<R> {
  readonly label: string;
  /** Asked before; null for what is undone as easily as it is done. */
  readonly question: Question | null;
  /** A value that the action needs, for example who takes over. */
  readonly field?: Field;
  /** Whether the record exists no longer afterwards. */
  readonly isDeletion?: boolean;
  run(value: unknown): Promise<Outcome<R>>;
}

/** What belongs to a record, and is changed at once. It reads what it shows by the id. */
export interface PanelProps {
  readonly record: Row;
  /** Called after a change, which may have raised the version of the record. */
  readonly changed: () => void;
}

/** Methods, not properties, so that a section of any record is a `Section<Row>`. */
export interface Section<R extends Row = Row> {
  /** Its part of the path. */
  readonly id: string;
  readonly title: () => string;
  /** What belongs here, for an empty list and the overview. */
  readonly hint: () => string;
  /** The title of a new record; null if records are not created here. */
  readonly newTitle: (() => string) | null;
  /** Whether records can be archived or deactivated. The list shows these only on demand. */
  readonly hasArchived: boolean;
  readonly columns: readonly Column<R>[];
  nameOf(row: R): string;
  load(query: ListQuery): Promise<ListPage<R>>;
  find(id: string): Promise<R | null>;
  readonly fields: readonly Field[];
  blank(): Values;
  read(row: R): Values;
  /** The input of the mutations for values of the form, without the id. */
  toInput(values: Values): Record<string, unknown>;
  create?(input: Record<string, unknown>, values: Values): Promise<Outcome<R>>;
  /** @param changes The parts of the input that differ from those of the record. */
  change(row: R, changes: Record<string, unknown>): Promise<Outcome<R>>;
  /** What is asked before the values are saved; null if they are harmless. */
  question?(row: R, values: Values): Question | null;
  actions?(row: R): readonly Action<R>[];
  /** What belongs to a record and is not in its form. */
  readonly panels?: Component<PanelProps>;
  /** Where a record is changed otherwise. */
  link?(row: R): { readonly href: string; readonly text: string };
}
