// Who else views a ticket or writes on it, and what this window tells the others.
import type { Subscription, TicketwireClient } from "@ticketwire/client";
import type { ResultOf } from "../../shared/graphql";
import { createKey } from "@ticketwire/client";
import { PRESENCE } from "../ticket-documents";
import { SET_PRESENCE } from "./mutations";

type State = "LOOKING" | "WRITING" | "GONE";
export type Present = ResultOf<typeof PRESENCE>["ticketPresence"]["people"][number];

/** Presence ends 15 seconds after the last call. */
const REPEAT_MS = 8_000;
/** A person who has typed nothing for so long does not write any more. */
const WRITING_MS = 10_000;
const WINDOW_KEY = createKey();

export class TicketPresence {
  /** The others on the ticket. */
  others = $state.raw<readonly Present[]>([]);
  private state: State = "LOOKING";
  private readonly subscription: Subscription;
  private readonly timer: ReturnType<typeof setInterval>;
  private pause: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly client: TicketwireClient,
    private readonly ticketId: string,
    viewerId: string,
  ) {
    this.subscription = client.follow(PRESENCE, {
      variables: { ticketId },
      canResume: false,
      isLogCursor: false,
      next: ({ ticketPresence }) => {
        this.others = ticketPresence.people.filter((each) => each.user.id !== viewerId);
      },
    });
    this.timer = setInterval(() => this.send(), REPEAT_MS);
    document.addEventListener("visibilitychange", this.visibilityChanged);
    this.visibilityChanged();
  }

  get writers(): readonly Present[] {
    return this.others.filter((each) => each.state === "WRITING");
  }

  /** Note that the person types. */
  readonly write = (): void => {
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.change("LOOKING"), WRITING_MS);
    this.change("WRITING");
  };

  /** Note that the person has sent the message or left the field. */
  readonly stopWriting = (): void => {
    clearTimeout(this.pause);
    this.change("LOOKING");
  };

  close(): void {
    this.subscription.close();
    clearInterval(this.timer);
    clearTimeout(this.pause);
    document.removeEventListener("visibilitychange", this.visibilityChanged);
    if (this.state !== "GONE") this.change("GONE");
  }

  private readonly visibilityChanged = (): void => {
    this.state = document.hidden ? "GONE" : "LOOKING";
    this.send(true);
  };

  private change(state: State): void {
    if (state === this.state) return;
    this.state = state;
    this.send(true);
  }

  private send(hasChanged = false): void {
    if (this.state === "GONE" && !hasChanged) return;
    const input = { ticketId: this.ticketId, state: this.state, clientKey: WINDOW_KEY };
    // The next call repeats it.
    this.client.mutate(SET_PRESENCE, { input }).catch(() => undefined);
  }
}
