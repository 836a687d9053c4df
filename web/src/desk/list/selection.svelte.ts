// The tickets that a person has selected in the list.

export class Selection {
  private ids = $state.raw<ReadonlySet<string>>(new Set());
  /** The row from which `extendTo` selects: the one toggled last, or the `start` of a call. */
  private anchor: string | null = null;

  get size(): number {
    return this.ids.size;
  }

  has(id: string): boolean {
    return this.ids.has(id);
  }

  toggle(id: string): void {
    const changed = new Set(this.ids);
    if (!changed.delete(id)) changed.add(id);
    this.ids = changed;
    this.anchor = id;
  }

  /** Also select all rows from the anchor to this one. Without an anchor, `start` becomes it. */
  extendTo(id: string, rows: readonly { readonly id: string }[], start = id): void {
    this.anchor ??= start;
    const indexOf = (wanted: string | null): number => rows.findIndex((row) => row.id === wanted);
    const [from, to] = [indexOf(this.anchor), indexOf(id)];
    const range = rows.slice(Math.min(from < 0 ? to : from, to), Math.max(from, to) + 1);
    this.ids = new Set([...this.ids, ...range.map((row) => row.id)]);
  }

  replace(ids: Iterable<string>): void {
    this.ids = new Set(ids);
  }

  clear(): void {
    this.ids = new Set();
    this.anchor = null;
  }
}
