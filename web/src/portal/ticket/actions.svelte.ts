// What a customer does with a ticket. It shows when the server has done it.
import { createKey, type TicketwireClient } from "@ticketwire/client";
import type { TadaDocumentNode } from "gql.tada";
import { messageOf } from "../../shared/api";
import type { Payload } from "./documents";

type Mutation<Input> = TadaDocumentNode<{ result: Payload | null }, { input: Input }, void>;
type Own<Input> = Omit<Input, "ticketId" | "idempotencyKey" | "expectedVersion">;

export class TicketAction {
  isBusy = $state(false);
  /** Why the server has refused the last one; empty if it has not. */
  error = $state("");

  constructor(
    private readonly client: TicketwireClient,
    private readonly ticketId: string,
  ) {}

  /** Run a mutation. Resolves with whether the server has accepted it. */
  async run<Input extends { ticketId: string }>(
    document: Mutation<Input>,
    own: Own<Input>,
  ): Promise<boolean> {
    this.isBusy = true;
    this.error = "";
    const input = { ...own, ticketId: this.ticketId, idempotencyKey: createKey() };
    try {
      const { result } = await this.client.mutate(document, { input: input as unknown as Input });
      this.error = result?.userErrors[0]?.message ?? "";
    } catch (failure) {
      this.error = messageOf(failure);
    } finally {
      this.isBusy = false;
    }
    return this.error === "";
  }
}
