// The changes that a person makes to one ticket. They show at once, and run one after another: each
// expects the version that the one before has made.
import type { TicketwireClient } from "@ticketwire/client";
import type { TadaDocumentNode } from "gql.tada";
import { messageOf } from "../../shared/api";
import { createKey } from "@ticketwire/client";
import type { TicketDetails } from "../ticket-documents";
import { CURRENT, type Payload } from "./mutations";
import { refusals, type Place } from "./refusals.svelte";

type Mutation<Input> = TadaDocumentNode<{ result: Payload | null }, { input: Input }, void>;
type VersionAndKey = { expectedVersion?: number | null; idempotencyKey?: string | null };
/** The input of a change without the ticket's id, the expected version and the idempotency key. */
export type ChangeInput<Input> = Omit<Input, keyof VersionAndKey | "ticketId">;

const MAX_ATTEMPTS = 3;

export interface ChangeOptions {
  /** The new values of fields, as the page shows them until the server responds. */
  readonly optimisticValues?: Readonly<Record<string, unknown>>;
  /** Whether it fits any version, for example because it adds an item to a list. */
  readonly fitsAnyVersion?: boolean;
  /**
   * Whether it is sent again if the ticket has another version, but the fields that it changes are
   * as the person has seen them. For example, an own reply has been sent in between.
   */
  readonly fitsIfUnchanged?: boolean;
}

/**
 * How many changes the server has not confirmed yet. They are lost when the page closes, while unsent
 * messages are stored in the browser.
 */
let unconfirmed = 0;

addEventListener("beforeunload", (event) => {
  if (unconfirmed > 0) event.preventDefault(); // the browser asks whether to leave the page
});

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
   * @param title How the refusal begins, for example "Not resolved".
   */
  run<Input extends VersionAndKey>(
    place: Place,
    title: string,
    document: Mutation<Input>,
    input: ChangeInput<Input>,
    options: ChangeOptions = {},
  ): Promise<boolean> {
    const ticket = this.getTicket();
    this.changing();
    refusals.forget(ticket.id, place);
    unconfirmed += 1;
    const result = this.send(ticket.id, document, input, options).then((reason) => {
      unconfirmed -= 1;
      if (reason === null) return true;
      const { id: ticketId, number, ref } = ticket;
      refusals.add({ ticketId, number, ref, place, text: `${title}: ${reason}` });
      return false;
    });
    this.earlier = result;
    return result;
  }

  /** Returns why the change was refused, or null. */
  private async send<Input extends VersionAndKey>(
    id: string,
    document: Mutation<Input>,
    input: ChangeInput<Input>,
    { optimisticValues, fitsAnyVersion = false, fitsIfUnchanged = false }: ChangeOptions,
  ): Promise<string | null> {
    const { earlier } = this;
    const before = fitsIfUnchanged ? serializeFields(this.getTicket(), optimisticValues) : null;
    const whenReady = async (): Promise<{ input: Input }> => {
      await earlier;
      const version = Math.max(this.version, this.getTicket().version);
      const completed = {
        ...("messageId" in input ? {} : { ticketId: id }), // mutations of a message have no `ticketId`
        ...input,
        ...(fitsAnyVersion ? {} : { expectedVersion: version }),
        idempotencyKey: createKey(),
      };
      return { input: completed as unknown as Input };
    };
    try {
      const patches = optimisticValues === undefined ? {} : { [id]: optimisticValues };
      for (let attempt = 1; ; attempt++) {
        const { result } = await this.client.mutate(document, whenReady, patches);
        this.version = Math.max(this.version, result?.ticket?.version ?? 0);
        const error = result?.userErrors[0];
        if (error?.code !== "STALE_VERSION" || before === null || attempt === MAX_ATTEMPTS)
          return error?.message ?? null;
        const { ticket } = await this.client.query(CURRENT, { id });
        if (ticket === null || serializeFields(ticket, optimisticValues) !== before)
          return error.message;
        this.version = Math.max(this.version, ticket.version);
      }
    } catch (failure) {
      return messageOf(failure);
    }
  }
}

/** The values of the fields that a change sets, to compare them; records by their ids. */
function serializeFields(ticket: object, optimisticValues: object | undefined): string {
  const values = Object.keys(optimisticValues ?? {}).map((key) => {
    const value = (ticket as Record<string, unknown>)[key];
    return (value as { id?: string } | null)?.id ?? value;
  });
  return JSON.stringify(values);
}
