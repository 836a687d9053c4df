// What can be done with records of several sections.
import { m } from "../../shared/messages";
import { hasWords } from "../../shared/parts/search.svelte";
import type { Action, ListPage, ListQuery, Outcome, Row } from "./section";

interface Archiving<R> {
  readonly name: string;
  /** What happens to what uses the record. */
  readonly text: string;
  readonly field?: Action<R>["field"];
  readonly archive: (value: unknown) => Promise<Outcome<R>>;
  readonly restore: () => Promise<Outcome<R>>;
}

/** Archive an active record, after a question; restore an archived one. */
export function archiving<R extends Row>(row: R, { name, text, field, archive, restore }: Archiving<R>): readonly Action<R>[] {
  if (row.active === false) return [{ label: m.admin_restore(), question: null, run: restore }];
  const question = { title: m.admin_archive_title({ name }), text, confirm: m.admin_archive() };
  const action = { label: m.admin_archive(), question, run: archive };
  return [field === undefined ? action : { ...action, field }];
}

/** A page of a list that was read as a whole: the rows that have all words. */
export function filterRows<R extends Row>(
  rows: readonly R[],
  { search, includeArchived }: ListQuery,
  textOf: (row: R) => string,
): ListPage<R> {
  const shown = rows.filter(
    (row) => (includeArchived || row.active !== false) && (search === "" || hasWords(textOf(row), search)),
  );
  return { rows: shown, next: null };
}
