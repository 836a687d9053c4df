// Up to where this person has seen tickets in this browser. The API only tells that there is
// something unread, not since when.

const MAX_TICKETS = 500;

export class Visits {
  private readonly key: string;

  constructor(viewerId: string) {
    this.key = `ticketwire-visits-${viewerId}`;
  }

  /** The cursor of the last event that the person has seen; null if that is not known. */
  lastSeen(ticketId: string): string | null {
    return this.read().find(([id]) => id === ticketId)?.[1] ?? null;
  }

  note(ticketId: string, cursor: string): void {
    const others = this.read().filter(([id]) => id !== ticketId);
    const kept = [...others, [ticketId, cursor]].slice(-MAX_TICKETS);
    try {
      localStorage.setItem(this.key, JSON.stringify(kept));
    } catch {
      // Without storage, there is only no line in the timeline.
    }
  }

  private read(): (readonly [id: string, cursor: string])[] {
    try {
      return JSON.parse(localStorage.getItem(this.key) ?? "[]") as [string, string][];
    } catch {
      return [];
    }
  }
}
