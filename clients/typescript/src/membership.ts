import { laterCursor, LOG_START } from "./cursor.js";
import type { Cursor } from "./cursor.js";

export type ChangeKind =
  "SNAPSHOT" | "SNAPSHOT_END" | "ADDED" | "UPDATED" | "REMOVED" | "GAP" | "HEARTBEAT";

/** An item of the subscription `ticketChanges`. */
export interface TicketChange<Ticket> {
  readonly kind: ChangeKind;
  readonly cursor: Cursor;
  readonly ticketId: string | null;
  readonly ticket: Ticket | null;
}

/**
 * The ids of a live list at one position of the log.
 *
 * The items of one connection arrive in order, so they are applied without comparing cursors.
 */
export class Membership {
  /**
   * The list includes all changes up to this cursor. Several changes can have the same cursor, so
   * it is complete only when a later one arrives. LOG_START before the first snapshot is complete.
   */
  cursor: Cursor = LOG_START;
  private ids = new Set<string>();
  private snapshot: Set<string> | undefined;
  /** The cursor of the last item, and the ids of the items with it. */
  private lastCursor: Cursor = LOG_START;
  private lastIds = new Set<string>();

  get members(): ReadonlySet<string> {
    return this.ids;
  }

  /** Tells whether a ticket is a member, or will be one when the snapshot is complete. */
  uses(id: string): boolean {
    return this.ids.has(id) || (this.snapshot?.has(id) ?? false);
  }

  /** Whether the members are known. */
  get isComplete(): boolean {
    return this.cursor !== LOG_START;
  }

  /** Forgets what an interrupted connection has begun: a snapshot, or changes with one cursor. */
  restart(): void {
    this.snapshot = undefined;
    this.lastCursor = this.cursor;
    this.lastIds.clear();
  }

  /** Makes the next connection ask for a snapshot. The members are shown until it is complete. */
  forgetCursor(): void {
    this.cursor = LOG_START;
  }

  /** Shows members until the first snapshot is complete. */
  addProvisional(ids: Iterable<string>): void {
    if (this.isComplete) return;
    for (const id of ids) this.ids.add(id);
  }

  /** Applies an item. Returns whether the shown members may have changed. */
  apply(change: TicketChange<unknown>): boolean {
    const { kind, cursor, ticketId: id } = change;
    if (kind === "SNAPSHOT" || kind === "GAP") {
      this.snapshot ??= new Set();
      if (id !== null && change.ticket !== null) this.snapshot.add(id);
      return false;
    }
    if (kind === "SNAPSHOT_END") return this.completeSnapshot(cursor);
    if (kind === "HEARTBEAT") {
      this.complete(cursor);
      return false;
    }
    if (cursor !== this.lastCursor) this.complete(this.lastCursor);
    this.lastCursor = cursor;
    if (id === null) return false;
    this.lastIds.add(id);
    if (kind === "REMOVED") return this.ids.delete(id);
    if (change.ticket === null || this.ids.has(id)) return false;
    this.ids.add(id);
    return true;
  }

  /** Tells whether the list includes all changes of a ticket up to a cursor. */
  hasReached(id: string, cursor: Cursor): boolean {
    return this.cursor >= cursor || (this.lastCursor >= cursor && this.lastIds.has(id));
  }

  private completeSnapshot(cursor: Cursor): boolean {
    this.ids = this.snapshot ?? new Set();
    this.snapshot = undefined;
    this.complete(cursor);
    return true;
  }

  private complete(cursor: Cursor): void {
    this.cursor = laterCursor(this.cursor, cursor);
    this.lastCursor = this.cursor;
    this.lastIds.clear();
  }
}
