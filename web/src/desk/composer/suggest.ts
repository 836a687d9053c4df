// What the composer suggests while the person writes.
import type { TicketwireClient } from "@ticketwire/client";
import { m } from "../../shared/messages";
import { Directory } from "../parts/directory";
import type { MessageDraft } from "./draft.svelte";
import { attach, effectsOf, findMacros, readText } from "./macros";
import type { Suggestion } from "./suggestions.svelte";

const EXCERPT_CHARS = 120;

export async function suggestMacros(
  client: TicketwireClient,
  ticketId: string,
  draft: MessageDraft,
  search: string,
): Promise<Suggestion[]> {
  const macros = await findMacros(client, search);
  return macros.map((macro) => {
    const excerpt = macro.text?.slice(0, EXCERPT_CHARS) ?? m.composer_no_reply();
    return {
      id: macro.id,
      label: macro.name,
      detail: [effectsOf(macro).join(", "), excerpt].filter(Boolean).join(" · "),
      choose: async () => {
        const text = await readText(client, macro, ticketId);
        draft.edit({ macro: attach(macro) });
        return text;
      },
    };
  });
}

/** The agents and admins whom a note can mention: by email address, which belongs to one person. */
export async function suggestPeople(
  client: TicketwireClient,
  search: string,
): Promise<Suggestion[]> {
  const people = await new Directory(client).findStaff(search);
  return people
    .filter((person) => person.email !== null)
    .map(({ id, displayName, email }) => ({
      id,
      label: displayName,
      detail: email ?? "",
      choose: () => `@${email} `,
    }));
}
