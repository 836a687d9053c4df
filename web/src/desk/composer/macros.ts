// Macros: texts with actions. The server applies both in one step.
import type { TicketwireClient } from "@ticketwire/client";
import { FIND_MACRO, MACROS, PREVIEW_MACRO, type Macro } from "./documents";

/** The macro whose text a draft has. Sending the draft applies it. */
export interface AttachedMacro {
  readonly id: string;
  readonly name: string;
  /** Whether it adds a reply. */
  readonly hasText: boolean;
  /** What else it does, in words. */
  readonly effects: readonly string[];
}

const STATUS_EFFECTS = {
  START: "starts the ticket",
  AWAIT_CUSTOMER: "waits for the customer",
  HOLD: "puts it on hold",
  RESOLVE: "resolves it",
  CLOSE: "closes it",
} as const;

export async function findMacros(client: TicketwireClient, search: string): Promise<Macro[]> {
  const { macros } = await client.query(MACROS, { search: search === "" ? null : search });
  return [...(macros?.nodes ?? [])];
}

/** The macro that a message applies; null if the person does not see it any more. */
export async function findMacro(
  client: TicketwireClient,
  id: string,
): Promise<AttachedMacro | null> {
  const { node } = await client.query(FIND_MACRO, { id });
  return node?.__typename === "Macro" ? attach(node) : null;
}

/** What a macro does besides the reply, in words. */
export function effectsOf(macro: Macro): string[] {
  const { statusAction, assignment, assignee, newTeam, priority, addTags, removeTags } = macro;
  const fields = macro.customFields.map((each) => each.field.label);
  return [
    newTeam && `moves it to ${newTeam.name}`,
    assignment === "APPLIER" && "assigns it to you",
    assignment === "PERSON" && `assigns it to ${assignee?.displayName ?? "nobody"}`,
    assignment === "NOBODY" && "removes the assignee",
    priority && `priority ${priority.toLowerCase()}`,
    addTags.length > 0 && `adds ${addTags.join(", ")}`,
    removeTags.length > 0 && `removes ${removeTags.join(", ")}`,
    fields.length > 0 && `sets ${fields.join(", ")}`,
    statusAction && STATUS_EFFECTS[statusAction],
  ].filter((effect) => typeof effect === "string");
}

/**
 * The text of a macro for a ticket; empty if it adds no reply.
 *
 * @throws Error with the reason for which the macro can't be applied to the ticket.
 */
export async function readText(
  client: TicketwireClient,
  macro: Macro,
  ticketId: string,
): Promise<string> {
  const { previewMacro } = await client.query(PREVIEW_MACRO, { macroId: macro.id, ticketId });
  const [first] = previewMacro?.userErrors ?? [];
  if (first) throw new Error(first.message);
  if (previewMacro === null) throw new Error("it does not exist any more.");
  return previewMacro.text ?? "";
}

export function attach(macro: Macro): AttachedMacro {
  const { id, name, text } = macro;
  return { id, name, hasText: text !== null, effects: effectsOf(macro) };
}
