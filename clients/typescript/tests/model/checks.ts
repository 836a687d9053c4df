import assert from "node:assert/strict";
import { isReference } from "../../src/normalize.js";
import { cursorAt, positionOf } from "./server.js";
import type { Row, Ticket } from "./server.js";
import type { Simulation } from "./simulation.js";

/** What the store must never do, checked after each step and at the end of a run. */
export class Checks {
  private readonly shownVersions = new Map<string, number>();
  private readonly clockCursors = new Map<string, string>();
  private shownCursor = "";
  private shownTickets = 0;
  private shownRows = new Set<string>();

  constructor(private readonly simulation: Simulation) {}

  afterStep(): void {
    for (const id of this.simulation.server.at(this.simulation.server.head).keys()) {
      this.checkRecord(id);
      this.checkMark(id);
    }
    this.checkList();
    this.checkQuery();
    for (const row of this.simulation.list.rows) this.checkRow(row);
    this.checkNothingVanishes();
  }

  /** What has been shown stays, although its assignee becomes one who is known only partly. */
  private checkNothingVanishes(): void {
    const { list, queries, pending, confirmed } = this.simulation;
    const shown = new Set(list.rows.map((row) => row.id));
    const changed = new Set([...confirmed.keys(), ...[...pending].map((each) => each.ticketId)]);
    for (const id of this.shownRows)
      if (list.ids.has(id) && !changed.has(id))
        assert.ok(shown.has(id), `the row of ${id} has vanished`);
    this.shownRows = shown;
    for (const { value, status } of queries)
      assert.ok(status !== "ready" || value, "a query has lost its value");
  }

  /**
   * A stored ticket is one that the server had at its cursor or later, and never an earlier one
   * again.
   */
  private checkRecord(id: string): void {
    const { store } = this.simulation.client;
    const stamp = store.stampOf(id, "version");
    if (!stamp) return;
    const shown = this.readTicket(id);
    assert.ok(
      shown.version >= (this.shownVersions.get(id) ?? 0),
      `${id} went back to version ${shown.version}`,
    );
    this.shownVersions.set(id, shown.version);
    this.checkClockCursor(id);
    if (this.simulation.hasSummaries) return this.checkFields(shown);
    const states = this.statesOf(id, stamp.cursor);
    const same = states.filter(
      (state) => state.version === shown.version && state.subject === shown.subject,
    );
    assert.ok(
      same.length > 0,
      `${id} has version ${shown.version}, which is older than ${stamp.cursor}`,
    );
    assert.ok(
      states.some((state) => state.clock === shown.clock),
      `${id} has a clock older than ${stamp.cursor}`,
    );
    this.checkStatus(shown, same);
  }

  /** The clock has no version, so only the cursor tells since when it can't go back. */
  private checkClockCursor(id: string): void {
    const cursor = this.simulation.client.store.stampOf(id, "clock")?.cursor ?? "";
    const before = this.clockCursors.get(id) ?? "";
    assert.ok(cursor >= before, `the clock of ${id} went back from ${before} to ${cursor}`);
    this.clockCursors.set(id, cursor);
  }

  /** A ticket that was marked as read is unread only because of something that came later. */
  private checkMark(id: string): void {
    const { client, marks, server } = this.simulation;
    const mark = marks.get(id);
    if (mark === undefined || client.store.readField(id, "viewerHasUnread") !== true) return;
    assert.ok(server.hasNewsAfter(id, mark), `${id} is unread again, without a change`);
  }

  /** Each field is one that the server had at its own cursor or later. */
  private checkFields(shown: Ticket): void {
    const { store } = this.simulation.client;
    const statesOf = (field: keyof Ticket): Ticket[] =>
      this.statesOf(shown.id, store.stampOf(shown.id, field)!.cursor);
    for (const field of ["version", "subject", "clock"] as const)
      assert.ok(
        statesOf(field).some((state) => state[field] === shown[field]),
        `${shown.id} has a ${field} older than its cursor`,
      );
    this.checkStatus(shown, statesOf("status"));
  }

  private statesOf(id: string, cursor: string): Ticket[] {
    const confirmed = this.simulation.confirmed.get(id) ?? 0;
    return this.statesFrom(id, Math.max(positionOf(cursor), confirmed));
  }

  /** The status is the server's, or that of the newest change that the person waits for. */
  private checkStatus(shown: Ticket, same: readonly Ticket[]): void {
    const pending = [...this.simulation.pending].filter((intent) => intent.ticketId === shown.id);
    const expected = pending.length ? [pending.at(-1)!.status] : same.map((state) => state.status);
    assert.ok(
      expected.includes(shown.status),
      `${shown.id} is shown as ${shown.status}, expected ${expected.join()}`,
    );
  }

  /** A row is not shown if a confirmed change has removed it, until it enters again. */
  private checkRow(row: Ticket): void {
    const { server, confirmed, pending } = this.simulation;
    if ([...pending].some((intent) => intent.ticketId === row.id)) return;
    const from = confirmed.get(row.id);
    if (from === undefined) return;
    const isPossible = this.statesFrom(row.id, from).some((state) => state.status === "OPEN");
    assert.ok(
      isPossible,
      `${row.id} came back into the list after ${cursorAt(from)}, at ${cursorAt(server.head)}`,
    );
  }

  /** The list has the ids that the server's query has at its cursor. */
  private checkList(): void {
    const { list, exactAt, server } = this.simulation;
    assert.ok(
      list.cursor >= this.shownCursor || list.cursor === "",
      "the cursor of the list went back",
    );
    this.shownCursor = list.cursor;
    if (exactAt === undefined || !list.isComplete) return;
    const [shown, expected] = [list.ids, server.openAt(exactAt)].map((ids) =>
      [...ids].sort().join(),
    );
    assert.equal(shown, expected, `the list differs at ${exactAt}`);
  }

  /**
   * Tickets are only added, so the result of the query never gets shorter. When a request ends, it
   * has those that existed when it was sent. (This does not hold for the clock, which has no
   * version: a delayed item with a higher cursor may have read it before an overlapping request.)
   */
  private checkQuery(): void {
    const count = this.simulation.tickets.value?.tickets.nodes.length ?? 0;
    assert.ok(
      count >= this.shownTickets,
      `the query went back from ${this.shownTickets} to ${count} tickets`,
    );
    const { read } = this.simulation;
    assert.ok(count >= read.size || this.hasPart(), "the query lacks a ticket that existed before its request");
    this.simulation.read = new Map();
    this.shownTickets = count;
  }

  /** Whether a ticket has an assignee of whom the store has only the id. */
  private hasPart(): boolean {
    const { server, client } = this.simulation;
    return [...server.at(server.head).keys()].some((id) => {
      const assignee = client.store.readField(id, "assignee");
      return isReference(assignee) && client.store.readField(assignee.$ref, "name") === undefined;
    });
  }

  /** At rest, everything that is shown equals the server's response, and nothing is left. */
  atRest(): void {
    const { server, list, queries, client } = this.simulation;
    const now = server.at(server.head);
    const rows = [...now.keys()].map((id) => server.read(id));
    const rowOf = (id = ""): Row | undefined => rows.find((row) => row.id === id);
    const open = rows.filter((row) => row.status === "OPEN");
    assert.equal(client.store.optimistic.count, 0, "an optimistic change is left");
    assert.equal(list.cursor, cursorAt(server.head));
    assert.deepEqual(
      list.rows,
      open.sort((a, b) => (a.id < b.id ? -1 : 1)),
    );
    for (const query of queries)
      assert.deepEqual(query.value?.ticket, rowOf(query.value?.ticket?.id));
    for (const ticket of this.simulation.quiet)
      assert.deepEqual(
        this.withLostMark(ticket),
        rowOf(ticket?.id),
        "a query did not follow the events",
      );
    assert.deepEqual(
      this.simulation.tickets.value?.tickets.nodes,
      rows,
      "the query is not current",
    );
    this.checkReplies();
  }

  /** No event tells of a mark whose response was lost. */
  private withLostMark(ticket: Row | null | undefined): Row | null | undefined {
    const { marks, server } = this.simulation;
    if (!ticket || server.marks.get(ticket.id) === marks.get(ticket.id)) return ticket;
    const { viewerHasUnread } = server.read(ticket.id);
    return { ...ticket, viewerHasUnread: ticket.viewerHasUnread && viewerHasUnread };
  }

  /** Each reply was stored once, except those that were refused. */
  private checkReplies(): void {
    const { server, sentReplies, client } = this.simulation;
    const refused = client.outbox.entries.filter((entry) => entry.state === "refused");
    const refusedBodies = new Set(refused.map((entry) => entry.variables.input.body));
    const expected = sentReplies.filter((body) => !refusedBodies.has(body));
    assert.deepEqual(
      [...server.replies].sort(),
      expected.sort(),
      "a reply was lost or stored twice",
    );
  }

  private statesFrom(id: string, position: number): Ticket[] {
    const { history } = this.simulation.server;
    const states: Ticket[] = [];
    for (let index = Math.max(position, 0); index < history.length; index++) {
      const state = history[index]!.get(id);
      if (state && state !== states.at(-1)) states.push(state);
    }
    return states;
  }

  private readTicket(id: string): Ticket {
    const { store } = this.simulation.client;
    const fields = ["id", "version", "status", "subject", "clock"];
    return Object.fromEntries(
      fields.map((key) => [key, store.readField(id, key)]),
    ) as unknown as Ticket;
  }
}
