import type { Cursor } from "../../src/cursor.js";
import type { ChangeKind, TicketChange } from "../../src/membership.js";
import type { Random } from "./random.js";

export type Status = "OPEN" | "RESOLVED";

/** A ticket at one position of the log. */
export interface Ticket {
  readonly id: string;
  readonly version: number;
  readonly status: Status;
  readonly subject: string;
  /** Changes without a new version, as SLA clocks do. It rises with each change. */
  readonly clock: number;
  readonly assignee: User | null;
}

/** A ticket as the server returns it: with the read mark of the person who uses the client. */
export interface Row extends Ticket {
  readonly viewerHasUnread: boolean;
}

/** A person. Events and mutations select only the id, so the client often knows no name. */
export interface User {
  readonly id: string;
  readonly name: string;
}

const USERS = [1, 2, 3, 4].map((number) => ({ id: `usr_${number}`, name: `user ${number}` }));

export type Tickets = ReadonlyMap<string, Ticket>;

export interface Refusal {
  readonly code: string;
  readonly message: string;
}

export interface MarkInput {
  readonly ticketId: string;
  readonly cursor: Cursor;
}

export interface MutationInput {
  readonly ticketId: string;
  readonly status?: Status;
  readonly body?: string;
  readonly idempotencyKey: string;
}

export function cursorAt(position: number): Cursor {
  return position.toString(16).padStart(16, "0");
}

export function positionOf(cursor: Cursor): number {
  return cursor === "" ? -1 : parseInt(cursor, 16);
}

/** The log of a simulated server, and all tickets at each position of it. */
export class ModelServer {
  readonly history: Tickets[] = [new Map()];
  readonly changedAt: ReadonlyArray<string>[] = [[]];
  readonly replies: string[] = [];
  /** Per ticket: up to where the person has read, which is not in the log. */
  readonly marks = new Map<string, number>();
  /** Per ticket: the last position at which somebody else has raised the version. */
  readonly news = new Map<string, number>();
  private readonly results = new Map<string, { cursor: Cursor; refusal: Refusal | undefined }>();

  constructor(private readonly random: Random) {
    for (let count = 0; count < 3; count++) this.create();
  }

  get head(): number {
    return this.history.length - 1;
  }

  at(position: number): Tickets {
    return this.history[position]!;
  }

  /** Returns a ticket that was read before, with the read mark of now. */
  withMark(ticket: Ticket): Row {
    const { id } = ticket;
    return { ...ticket, viewerHasUnread: this.hasNewsAfter(id, this.marks.get(id) ?? -1) };
  }

  hasNewsAfter(id: string, position: number): boolean {
    return (this.news.get(id) ?? -1) > position;
  }

  /** Returns a ticket as it is now. */
  read(id: string): Row {
    return this.withMark(this.at(this.head).get(id)!);
  }

  markRead({ ticketId, cursor }: MarkInput): void {
    this.marks.set(ticketId, Math.max(this.marks.get(ticketId) ?? -1, positionOf(cursor)));
  }

  /** The ids that the live list has at a position. */
  openAt(position: number): Set<string> {
    const open = [...this.at(position).values()].filter((ticket) => ticket.status === "OPEN");
    return new Set(open.map((ticket) => ticket.id));
  }

  create(): void {
    const id = `tkt_${this.at(this.head).size + 1}`;
    const subject = `subject ${this.head}`;
    this.append([{ id, version: 1, status: "OPEN", subject, clock: 0, assignee: null }]);
  }

  /** A change by somebody else. */
  changeSomething(): void {
    const kind = this.random.below(12);
    if (kind < 2 && this.at(this.head).size < 8) return this.create();
    const ticket = this.pickTicket();
    if (kind < 4) return this.setStatus(ticket, ticket.status === "OPEN" ? "RESOLVED" : "OPEN");
    if (kind < 5)
      return this.append([
        { ...ticket, version: ticket.version + 1, subject: `subject ${this.head}` },
      ]);
    if (kind < 6) return this.append([{ ...ticket, clock: ticket.clock + 1 }]);
    if (kind < 10) return this.changeTwo(ticket);
    const assignee = this.random.chance(0.2) ? null : this.random.pick(USERS);
    this.append([{ ...ticket, version: ticket.version + 1, assignee }]);
  }

  /** One event that changes two tickets of the list, as a merge does. */
  private changeTwo(first: Ticket): void {
    const toggle = (ticket: Ticket): Ticket => ({
      ...ticket,
      version: ticket.version + 1,
      status: ticket.status === "OPEN" ? "RESOLVED" : "OPEN",
    });
    const second = this.pickTicket();
    this.append(first.id === second.id ? [toggle(first)] : [toggle(first), toggle(second)]);
  }

  pickTicket(): Ticket {
    return this.random.pick([...this.at(this.head).values()]);
  }

  private setStatus(ticket: Ticket, status: Status, isOwn = false): void {
    this.append([{ ...ticket, version: ticket.version + 1, status }], isOwn);
  }

  private append(changed: readonly Ticket[], isOwn = false): void {
    const tickets = new Map(this.at(this.head));
    for (const ticket of changed) {
      const isNews = !isOwn && ticket.version !== tickets.get(ticket.id)?.version;
      if (isNews) this.news.set(ticket.id, this.history.length);
      tickets.set(ticket.id, ticket);
    }
    this.history.push(tickets);
    this.changedAt.push(changed.map((ticket) => ticket.id));
  }

  /**
   * Executes a mutation once per key. Returns the cursor and the refusal of the first execution.
   */
  execute(input: MutationInput): {
    cursor: Cursor;
    refusal: Refusal | undefined;
    replayed: boolean;
  } {
    const known = this.results.get(input.idempotencyKey);
    if (known) return { ...known, replayed: true };
    const ticket = this.at(this.head).get(input.ticketId)!;
    const refusal = this.random.chance(0.3)
      ? { code: "TRANSITION_REFUSED", message: "refused" }
      : undefined;
    if (!refusal && input.body !== undefined) {
      this.replies.push(input.body);
      this.append([{ ...ticket, version: ticket.version + 1 }], true);
    } else if (!refusal) {
      this.setStatus(ticket, input.status!, true);
    }
    const result = { cursor: cursorAt(this.head), refusal };
    this.results.set(input.idempotencyKey, result);
    return { ...result, replayed: false };
  }
}

/** An item of a subscription in the queue of a connection. */
export interface Item {
  readonly data: object;
  /** If the list is exact after this item: the position at which it is. */
  readonly exactAt?: number;
}

/** The server's side of a subscription of `ticketChanges`. */
export class ModelListSource {
  private members: Set<string> | undefined;
  private position: number;

  constructor(
    private readonly server: ModelServer,
    private readonly random: Random,
    after: Cursor | null,
  ) {
    this.position = after === null ? -1 : positionOf(after);
  }

  get isBehind(): boolean {
    return this.members === undefined || this.position < this.server.head;
  }

  /**
   * The next items: a snapshot, the changes since the client's cursor, or the changes since then.
   */
  advance(): Item[] {
    const isFirst = this.members === undefined;
    const start = this.position;
    const before = this.members ?? new Set<string>();
    this.position = this.server.head;
    this.members = this.server.openAt(this.position);
    if (isFirst && start < 0) return this.snapshot(false);
    if (isFirst && this.random.chance(0.4)) return this.snapshot(true);
    return isFirst ? this.replay(start) : this.diff(start, before);
  }

  heartbeat(): Item {
    return this.item("HEARTBEAT", this.position, null, this.position);
  }

  private snapshot(isGap: boolean): Item[] {
    const rows = [...this.members!].map((id) => this.item("SNAPSHOT", this.position, id));
    const gap = isGap ? [this.item("GAP", this.position, null)] : [];
    return [...gap, ...rows, this.item("SNAPSHOT_END", this.position, null, this.position)];
  }

  /** Only the present members are known, so each later event of other tickets removes them. */
  private replay(start: number): Item[] {
    return this.changes(start, (id) => {
      const isNew = !this.server.at(start).has(id);
      if (!this.members!.has(id)) return "REMOVED";
      return isNew ? "ADDED" : "UPDATED";
    });
  }

  private diff(start: number, before: Set<string>): Item[] {
    return this.changes(start, (id) => {
      if (!this.members!.has(id))
        return before.delete(id) || this.random.chance(0.5) ? "REMOVED" : undefined;
      if (before.has(id)) return "UPDATED";
      before.add(id);
      return "ADDED";
    });
  }

  private changes(start: number, kindOf: (id: string) => ChangeKind | undefined): Item[] {
    const items: Item[] = [];
    for (let position = start + 1; position <= this.position; position++) {
      for (const id of this.server.changedAt[position]!) {
        const kind = kindOf(id);
        if (kind) items.push(this.item(kind, position, id));
      }
    }
    const last = items.pop();
    return last ? [...items, { ...last, exactAt: this.position }] : [];
  }

  private item(kind: ChangeKind, position: number, id: string | null, exactAt?: number): Item {
    const hasTicket = kind === "SNAPSHOT" || kind === "ADDED" || kind === "UPDATED";
    const ticket = hasTicket ? this.server.read(id!) : null;
    const change: TicketChange<Row> = { kind, cursor: cursorAt(position), ticketId: id, ticket };
    return { data: { ticketChanges: change }, ...(exactAt !== undefined && { exactAt }) };
  }
}

/** The server's side of a subscription of `ticketEvents`. */
export class ModelEventSource {
  private position: number;

  constructor(
    private readonly server: ModelServer,
    after: Cursor | null,
  ) {
    this.position = after === null ? server.head : positionOf(after);
  }

  get isBehind(): boolean {
    return this.position < this.server.head;
  }

  advance(): Item[] {
    const items: Item[] = [];
    while (this.position < this.server.head) {
      this.position++;
      const ids = this.server.changedAt[this.position]!;
      const [ticket, other = null] = ids.map((id) => this.server.read(id));
      items.push({ data: { ticketEvents: { cursor: cursorAt(this.position), ticket, other } } });
    }
    return items;
  }
}
