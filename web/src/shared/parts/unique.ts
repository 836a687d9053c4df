/** The items without those whose id an earlier one has. Svelte fails if a list repeats a key. */
export function uniqueById<T extends { readonly id: unknown }>(items: readonly T[]): T[] {
  const byId = new Map<unknown, T>();
  for (const item of items) if (!byId.has(item.id)) byId.set(item.id, item);
  return [...byId.values()];
}
