// Where the current row is, or was before it went away.

interface Row {
  readonly id: string;
}

export class RowPlace {
  /** The rows when the current one was among them last, and its index. */
  private rows: readonly Row[] = [];
  private index = -1;

  note<T extends Row>(rows: readonly T[], isCurrent: (row: T) => boolean): void {
    const index = rows.findIndex(isCurrent);
    if (index >= 0) [this.rows, this.index] = [rows, index];
  }

  /** The index of the row after or before the current one. It may be outside of the list. */
  next<T extends Row>(rows: readonly T[], isCurrent: (row: T) => boolean, step: 1 | -1): number {
    const index = rows.findIndex(isCurrent);
    if (index >= 0) return index + step;
    const gap = this.gapIn(rows);
    return step === 1 ? gap : gap - 1;
  }

  forget(): void {
    [this.rows, this.index] = [[], -1];
  }

  /** The index of what follows the row that has gone: after the nearest one before it that stays. */
  private gapIn(rows: readonly Row[]): number {
    const places = new Map(rows.map((row, index) => [row.id, index]));
    for (const { id } of this.rows.slice(0, Math.max(0, this.index)).reverse()) {
      const found = places.get(id);
      if (found !== undefined) return found + 1;
    }
    return 0;
  }
}
