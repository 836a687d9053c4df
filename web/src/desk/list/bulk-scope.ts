// The tickets that a bulk change reaches.

/** The server takes at most 2,500 ids. More tickets need a filter that matches exactly them. */
export const MAX_IDS = 2500;

interface ShownList {
  readonly rows: readonly { readonly id: string }[];
  /** How many tickets match the view now, but are not in `rows` yet. */
  readonly newCount: number;
  /** How many of the rows no longer match the view. */
  readonly removedCount: number;
}

/**
 * Whether the selected tickets are exactly those that match the view. Otherwise the view's filter
 * would also change tickets that the person has not selected, or not even seen.
 */
export function isWholeList(list: ShownList, ids: readonly string[]): boolean {
  return list.newCount === 0 && list.removedCount === 0 && ids.length === list.rows.length;
}

/**
 * Whether to send the ids of the selected tickets or the filter of the view. Null if they are too
 * many for ids, and the filter would match others.
 */
export function scopeOf(list: ShownList, ids: readonly string[]): "ids" | "filter" | null {
  if (ids.length <= MAX_IDS) return "ids";
  return isWholeList(list, ids) ? "filter" : null;
}
