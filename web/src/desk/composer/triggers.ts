// What a text asks for before the caret: `/` begins the name of a macro, `@` that of a person.

export interface Trigger {
  readonly kind: "macro" | "mention";
  /** The part of the text that the choice replaces. */
  readonly start: number;
  readonly end: number;
  readonly search: string;
}

const MAX_SEARCH_CHARS = 60;
const MACRO = /(?:^|\n)\/([^\n/]*)$/;
const MENTION = /(?:^|[\s(])@([\p{L}\p{N}.+_-]*)$/u;

/** What the text before the caret asks for; null if nothing. */
export function findTrigger(kind: Trigger["kind"], text: string, caret: number): Trigger | null {
  const match = (kind === "macro" ? MACRO : MENTION).exec(text.slice(0, caret));
  const search = match?.[1];
  if (search === undefined || search.length > MAX_SEARCH_CHARS) return null;
  return { kind, start: caret - search.length - 1, end: caret, search: search.trim() };
}
