// What a person writes as a reply or note: a text with its files and its macro.
import type { Drafts } from "@ticketwire/client";
import {
  addToStored,
  joinFiles,
  joinTexts,
  StoredDraft,
  type ContentRules,
  type DraftContent,
} from "../../shared/drafts/stored-draft.svelte";
import type { AttachedMacro } from "./macros";

export interface Content extends DraftContent {
  readonly macro?: AttachedMacro | null;
}

const RULES: ContentRules<Content> = {
  empty: { body: "", files: [], macro: null },
  isEmpty: ({ body, files = [], macro = null }) =>
    body === "" && files.length === 0 && macro === null,
  join: (first, second) => ({
    body: joinTexts(first.body, second.body),
    files: joinFiles(first.files, second.files),
    macro: second.macro ?? first.macro ?? null,
  }),
};

export class MessageDraft extends StoredDraft<Content> {
  constructor(drafts: Drafts, key: string, stored?: () => void) {
    super(drafts, key, RULES, stored);
  }

  get macro(): AttachedMacro | null {
    return this.content.macro ?? null;
  }

  /** Whether it has more than a macro. */
  get hasTextOrFiles(): boolean {
    return this.text.trim() !== "" || this.files.length > 0;
  }
}

/** Add content to a draft that no page shows. Resolves when the browser has stored it. */
export function addToDraft(drafts: Drafts, key: string, added: Content): Promise<void> {
  return addToStored(drafts, key, added, RULES);
}
