// The changes that a person makes to one ticket. They show at once, and run one after another: each
// expects the version that the one before has made.
import type { TicketwireClient } from "@ticketwire/client";
import type { TadaDocumentNode } from "gql.tada";
import { messageOf } from "../../shared/api";
import { createKey } from "@ticketwire/client";
import type { TicketDetails } from "./documents";
import type { Payload } from "./mutations";
import { refusals, type Place } from "./refusals.svelte";

type Mutation<Input> = TadaDocumentNode<{ result: Payload | null }, { input: Input }, void>;
type Target = { expectedVersion?: number | null; idempotencyKey?: string | null };
/** What a change adds to the ticket's id, version and key. */
export type Own<Input> = Omit<Input, keyof Target | "ticketId">;

export interface ChangeOptions {
  /** The new values of fields, as the page shows them until the server responds. */
  readonly expected?: Readonly<Record<string, unknown>>;
  /** Whether it fits any version, for example because it adds an item to a list. */
  readonly fitsAnyVersion?: boolean;
}

export class TicketChanges {
  private earlier: Promise<unknown> = Promise.resolve();
  private version = 0;

  constructor(
    private readonly client: TicketwireClient,
    private readonly getTicket: () => TicketDetails,
    /** Called when the person changes the ticket. */
    private readonly changing: () => void,
  ) {}

  /**
   * Run a change after the earlier ones. Resolves with whether the server has accepted it; if not,
   * the reason is in `refusals`.
   *
   * @param title What is refused, for example "Not resolved".
   */
  run<Input extends Target>(
    place: Place,
    title: string,
    document: Mutation<Input>,
    own: Own<Input>,
    options: ChangeOptions = {},
  ): Promise<boolean> {
    const ticket = this.getTicket();
    this.changing();
    refusals.forget(ticket.id, place);
    const result = this.earlier.then(async () => {
      const reason = await this.send(ticket.id, document, own, options);
      if (reason === null) return true;
      const { id: ticketId, number, ref } = ticket;
      refusals.add({ ticketId, number, ref, place, text: `${title}: ${reason}` });
      return false;
    });
    this.earlier = result;
    return result;
  }

  /** Returns why the change was refused, or null. */
  private async send<Input extends Target>(
    id: string,
    document: Mutation<Input>,
    own: Own<Input>,
    { expected, fitsAnyVersion = false }: ChangeOptions,
  ): Promise<string | null> {
    const version = Math.max(this.version, this.getTicket().version);
    const input = {
      ...("messageId" in own ? {} : { ticketId: id }),
      ...own,
      ...(fitsAnyVersion ? {} : { expectedVersion: version }),
      idempotencyKey: createKey(),
    } as unknown as Input;
    try {
      const patches = expected === undefined ? {} : { [id]: expected };
      const { result } = await this.client.mutate(document, { input }, patches);
      this.version = Math.max(this.version, result?.ticket?.version ?? 0);
      return result?.userErrors[0]?.message ?? null;
    } catch (failure) {
      return messageOf(failure);
    }
  }
}
