// The server's time, from the header Date of its responses. Clocks of computers may be wrong.
import { ClockOffset } from "./clock-offset";

class ServerTime {
  /** The time in milliseconds. It advances each second. */
  now = $state(Date.now());
  private readonly offset = new ClockOffset();

  constructor() {
    setInterval(() => this.read(), 1000);
  }

  /** A fetch that reads the server's time. */
  readonly fetch: typeof fetch = async (...request) => {
    const sentAgeMs = performance.now();
    const response = await fetch(...request);
    const ageMs = performance.now();
    const date = Date.parse(response.headers.get("date") ?? "");
    if (!Number.isNaN(date)) {
      this.offset.note({ date, receivedAt: Date.now(), tripMs: ageMs - sentAgeMs, ageMs });
      this.read();
    }
    return response;
  };

  private read(): void {
    this.now = Date.now() + this.offset.aheadMs;
  }
}

export const serverTime = new ServerTime();
