// The tickets that a bulk change reaches.

/** The server takes at most 2,500 ids. More tickets need a filter that means exactly them. */
export const MAX_IDS = 2500;

interface ShownList {
  readonly rows: readonly { readonly id: string }[];
  readonly newCount: number;
  readonly goneCount: number;
}

/** Whether the selected tickets are exactly those that match: nobody has seen the others. */
export function isWholeList(list: ShownList, ids: readonly string[]): boolean {
  return list.newCount === 0 && list.goneCount === 0 && ids.length === list.rows.length;
}

/** How to name the selected tickets to the server; null if they are too many for it. */
export function scopeOf(list: ShownList, ids: readonly string[]): "ids" | "filter" | null {
  if (ids.length <= MAX_IDS) return "ids";
  return isWholeList(list, ids) ? "filter" : null;
}
