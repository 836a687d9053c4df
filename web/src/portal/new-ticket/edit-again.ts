// Puts a ticket that was not sent back into the form.
import type { OutboxEntry, TicketwireClient } from "@ticketwire/client";
import { UPLOADED_FILES } from "../../shared/files/documents";
import type { CreateInput } from "./create-ticket";
import { EARLIER_TICKET_BY_ID } from "./documents";
import { contentOf, openNewTicketDraft } from "./new-ticket-draft";

/** The ticket is removed only when its draft is stored, so that it never gets lost. */
export async function editAgain(client: TicketwireClient, entry: OutboxEntry): Promise<void> {
  const input = entry.variables.input as unknown as CreateInput;
  const { nodes } = await client.query(UPLOADED_FILES, { ids: input.attachmentIds ?? [] });
  const files = nodes.filter((each) => each !== null && "id" in each);
  const id = input.followUpOf ?? null;
  const earlier = id && (await client.query(EARLIER_TICKET_BY_ID, { id })).ticket;
  const followUp = earlier ? { id: earlier.id, ref: earlier.ref } : null;
  const draft = openNewTicketDraft(client.drafts);
  await draft.insert(contentOf(input, files, followUp));
  draft.close();
  await client.outbox.discard(entry.key);
}
