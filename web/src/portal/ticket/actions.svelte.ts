// A customer's action on a ticket. The page shows its effect when the server has responded.
import { createKey, type TicketwireClient } from "@ticketwire/client";
import type { TadaDocumentNode } from "gql.tada";
import { messageOf } from "../../shared/api";
import type { Payload } from "./documents";

type Mutation<Input> = TadaDocumentNode<{ result: Payload | null }, { input: Input }, void>;
/** The input of an action without the ticket's id, the idempotency key and the expected version. */
type ActionInput<Input> = Omit<Input, "ticketId" | "idempotencyKey" | "expectedVersion">;

export class TicketAction {
  isBusy = $state(false);
  /** Why the last action has failed. Empty if it has not. */
  error = $state("");

  constructor(
    private readonly client: TicketwireClient,
    private readonly ticketId: string,
  ) {}

  /** Run a mutation. Resolves with whether the server has accepted it. */
  async run<Input extends { ticketId: string }>(
    document: Mutation<Input>,
    input: ActionInput<Input>,
  ): Promise<boolean> {
    this.isBusy = true;
    this.error = "";
    const completed = { ...input, ticketId: this.ticketId, idempotencyKey: createKey() };
    try {
      const { result } = await this.client.mutate(document, { input: completed as unknown as Input });
      this.error = result?.userErrors[0]?.message ?? "";
    } catch (failure) {
      this.error = messageOf(failure);
    } finally {
      this.isBusy = false;
    }
    return this.error === "";
  }
}
