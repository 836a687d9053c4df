import { SYSTEM_CLOCK } from "./clock.js";
import type { Clock } from "./clock.js";
import type { Channel, Locks } from "./tabs.js";
import type { Transport } from "./transport.js";

/** The parts of the browser that a client uses. Each may be missing. */
export interface Platform {
  readonly clock: Clock;
  readonly indexedDB?: IDBFactory | undefined;
  readonly locks?: Locks | undefined;
  readonly openChannel?: ((name: string) => Channel) | undefined;
  /** Tells when the network or the page is back: `window` and `document`. */
  readonly wakeEvents?: ReadonlyArray<readonly [target: EventTarget, name: string]>;
  readonly createTransport?: (reconnected: () => void) => Transport;
}

/** Returns the parts that this browser, or Node.js, has. */
export function browserPlatform(): Platform {
  const { indexedDB, navigator, BroadcastChannel, document, addEventListener } =
    globalThis as Partial<typeof globalThis>;
  const events: Array<readonly [EventTarget, string]> = [];
  if (typeof addEventListener === "function")
    events.push([globalThis as unknown as EventTarget, "online"]);
  if (document) events.push([document, "visibilitychange"]);
  return {
    clock: SYSTEM_CLOCK,
    indexedDB,
    locks: navigator?.locks as Locks | undefined,
    openChannel: BroadcastChannel && ((name) => new BroadcastChannel(name)),
    wakeEvents: events,
  };
}
