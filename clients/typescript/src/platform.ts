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
  /** Whether the person sees the page. A page in the background keeps its delays. */
  readonly isVisible?: () => boolean;
  readonly createTransport?: (reconnected: () => void) => Transport;
}

/**
 * Calls a function when the network is back or the person returns, but never while nobody sees the
 * page: a browser with many tabs would otherwise send from all of them at once. Returns a function
 * that ends this.
 */
export function whenAwake(platform: Platform, wake: () => void): () => void {
  const { wakeEvents = [], isVisible = (): boolean => true } = platform;
  const listener = (): void => {
    if (isVisible()) wake();
  };
  for (const [target, name] of wakeEvents) target.addEventListener(name, listener);
  return () => {
    for (const [target, name] of wakeEvents) target.removeEventListener(name, listener);
  };
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
    isVisible: () => document?.visibilityState !== "hidden",
  };
}
