// Macros: texts with actions. The server applies both in one step.
import { m } from "../../shared/messages";
import type { TicketwireClient } from "@ticketwire/client";
import { priorityName } from "../../shared/parts/names";
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
  START: m.composer_effect_start,
  AWAIT_CUSTOMER: m.composer_effect_wait,
  HOLD: m.composer_effect_hold,
  RESOLVE: m.composer_effect_resolve,
  CLOSE: m.composer_effect_close,
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
    newTeam && m.composer_effect_team({ name: newTeam.name }),
    assignment === "APPLIER" && m.composer_effect_take(),
    assignment === "PERSON" && m.composer_effect_assign({ name: assignee?.displayName ?? "–" }),
    assignment === "NOBODY" && m.composer_effect_unassign(),
    priority && m.composer_effect_priority({ name: priorityName(priority) }),
    addTags.length > 0 && m.composer_effect_add({ names: addTags.join(", ") }),
    removeTags.length > 0 && m.composer_effect_remove({ names: removeTags.join(", ") }),
    fields.length > 0 && m.composer_effect_fields({ names: fields.join(", ") }),
    statusAction && STATUS_EFFECTS[statusAction](),
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
  if (previewMacro === null) throw new Error(m.composer_macro_gone());
  return previewMacro.text ?? "";
}

export function attach(macro: Macro): AttachedMacro {
  const { id, name, text } = macro;
  return { id, name, hasText: text !== null, effects: effectsOf(macro) };
}
