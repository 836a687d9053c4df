// A draft that has a text and files alone.
import type { Drafts } from "@ticketwire/client";
import {
  joinFiles,
  joinTexts,
  StoredDraft,
  type DraftContent,
} from "../../shared/drafts/stored-draft.svelte";

export function openTextDraft(drafts: Drafts, key: string): StoredDraft<DraftContent> {
  return new StoredDraft<DraftContent>(drafts, key, {
    empty: { body: "", files: [] },
    isEmpty: ({ body, files = [] }) => body === "" && files.length === 0,
    join: (first, second) => ({
      body: joinTexts(first.body, second.body),
      files: joinFiles(first.files, second.files),
    }),
  });
}
