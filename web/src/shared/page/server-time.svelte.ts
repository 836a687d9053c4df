// The server's time, from the header Date of its responses. Clocks of computers may be wrong.

/** The header has whole seconds, which are cut off. */
const MEAN_CUT_MS = 500;

class ServerTime {
  /** The time in milliseconds. It advances each second. */
  now = $state(Date.now());
  private aheadMs = 0;
  private shortestTripMs = Infinity;

  constructor() {
    setInterval(() => (this.now = Date.now() + this.aheadMs), 1000);
  }

  /** A fetch that reads the server's time. The quickest response tells it best. */
  readonly fetch: typeof fetch = async (...request) => {
    const sentAt = Date.now();
    const response = await fetch(...request);
    const tripMs = Date.now() - sentAt;
    const date = Date.parse(response.headers.get("date") ?? "");
    if (!Number.isNaN(date) && tripMs <= this.shortestTripMs) {
      this.shortestTripMs = tripMs;
      this.aheadMs = date + MEAN_CUT_MS - (sentAt + tripMs / 2);
      // Within the header's accuracy, this computer's clock is better.
      if (Math.abs(this.aheadMs) < 2 * MEAN_CUT_MS) this.aheadMs = 0;
      this.now = Date.now() + this.aheadMs;
    }
    return response;
  };
}

export const serverTime = new ServerTime();
