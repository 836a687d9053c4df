// The levels of the last 24 hours, as this screen has seen them: the server has no history of them.
import type { Figures } from "./state";

const HOURS = 24;
const HOUR_MS = 3_600_000;
const KEY = "ticketwire-wall-levels";
export const LEVELS = ["open", "unassigned", "atRisk", "breached"] as const;
export type Level = (typeof LEVELS)[number];

interface Sample {
  /** Hours since 1970. */
  hour: number;
  values: number[];
}

/** The last value of each hour, of one board. They survive a reload, and never grow beyond 24. */
export class Samples {
  private samples: Sample[] = [];

  constructor(
    private readonly board: string,
    private readonly storage: Pick<Storage, "getItem" | "setItem">,
  ) {
    this.samples = this.read();
  }

  note(figures: Figures, atMs: number): void {
    const hour = Math.floor(atMs / HOUR_MS);
    const last = this.samples.at(-1);
    const values = LEVELS.map((level) => figures[level]);
    if (last && last.hour >= hour) last.values = values;
    else this.samples.push({ hour, values });
    this.samples = this.samples.filter((each) => each.hour > hour - HOURS).slice(-HOURS);
    if (last?.hour !== hour) this.write();
  }

  /** The value of each hour up to this instant; null where this screen has seen nothing. */
  list(level: Level, atMs: number): (number | null)[] {
    const end = Math.floor(atMs / HOUR_MS);
    const values = new Map(this.samples.map((each) => [each.hour, each.values[LEVELS.indexOf(level)]]));
    return Array.from({ length: HOURS }, (_, index) => values.get(end - HOURS + 1 + index) ?? null);
  }

  private read(): Sample[] {
    try {
      const stored = JSON.parse(this.storage.getItem(KEY) ?? "null") as unknown;
      const { board, samples } = (stored ?? {}) as { board?: string; samples?: Sample[] };
      return board === this.board && Array.isArray(samples) ? samples.slice(-HOURS) : [];
    } catch {
      return []; // without the storage, or with another version's content
    }
  }

  private write(): void {
    try {
      this.storage.setItem(KEY, JSON.stringify({ board: this.board, samples: this.samples }));
    } catch {
      // the lines begin again after a reload
    }
  }
}
