// How far the server's clock is ahead of that of this computer, from the header Date of responses.

/** The header has whole seconds, which are cut off. */
const MEAN_CUT_MS = 500;
/** Clocks drift. After this time, a quick response of long ago tells less than a new one. */
const MAX_AGE_MS = 600_000;

export interface DatedResponse {
  /** The time of the header, in milliseconds. */
  readonly date: number;
  /** The time of this computer when the response arrived. */
  readonly receivedAt: number;
  /** How long the response took, by a clock that nobody sets. */
  readonly tripMs: number;
  /** The time of that clock. */
  readonly ageMs: number;
}

export class ClockOffset {
  /** Add it to the time of this computer. */
  aheadMs = 0;
  private estimateMs = 0;
  private bestTripMs = Infinity;
  private bestAgeMs = 0;

  /** Take another response into account. The quickest of the last minutes tells it best. */
  note({ date, receivedAt, tripMs, ageMs }: DatedResponse): void {
    const estimate = date + MEAN_CUT_MS - (receivedAt - tripMs / 2);
    const isOutdated = ageMs - this.bestAgeMs > MAX_AGE_MS;
    // Both can't be right: somebody has set a clock.
    const isOther = Math.abs(estimate - this.estimateMs) > tripMs + this.bestTripMs + 2 * MEAN_CUT_MS;
    if (tripMs > this.bestTripMs && !isOutdated && !isOther) return;
    [this.estimateMs, this.bestTripMs, this.bestAgeMs] = [estimate, tripMs, ageMs];
    // Within the header's accuracy, this computer's clock is better.
    this.aheadMs = Math.abs(estimate) < 2 * MEAN_CUT_MS ? 0 : estimate;
  }
}
