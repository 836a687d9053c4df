// The draft of a new ticket: all that its form has.
import type { Drafts } from "@ticketwire/client";
import {
  joinFiles,
  joinTexts,
  StoredDraft,
  type DraftContent,
} from "../../shared/drafts/stored-draft.svelte";
import type { UploadedFile } from "../../shared/files/documents";
import type { Priority } from "../../shared/parts/names";
import { inputOf, type CustomFieldInput } from "../../shared/ticket/custom-fields";
import type { CreateInput } from "./create-ticket";
import type { Field } from "./documents";

export interface Resource {
  readonly kind: string;
  readonly externalId: string;
  readonly name: string;
}

export interface NewTicket extends DraftContent {
  readonly subject: string;
  /** The slug of the category; empty if none is chosen. */
  readonly category: string;
  readonly priority: Priority;
  /** By the key of the field, what was typed, or the keys of the options. */
  readonly fields: Readonly<Record<string, string | readonly string[]>>;
  readonly resources: readonly Resource[];
  /** The earlier ticket that it follows up. */
  readonly followUp: { readonly id: string; readonly ref: string } | null;
}

const EMPTY: NewTicket = {
  body: "",
  files: [],
  subject: "",
  category: "",
  priority: "NORMAL",
  fields: {},
  resources: [],
  followUp: null,
};

export function openNewTicketDraft(drafts: Drafts): StoredDraft<NewTicket> {
  return new StoredDraft<NewTicket>(drafts, "new-ticket", {
    empty: EMPTY,
    isEmpty: (content) => JSON.stringify({ ...EMPTY, ...content }) === JSON.stringify(EMPTY),
    join: (first, second) => ({
      ...first,
      ...second,
      subject: first.subject || second.subject,
      body: joinTexts(first.body, second.body),
      files: joinFiles(first.files, second.files),
      fields: { ...second.fields, ...first.fields },
    }),
  });
}

/** The input that creates the ticket. Fields that do not belong to its category are left out. */
export function createInput(draft: NewTicket, fields: readonly Field[]): CreateInput {
  const { subject, body, category, priority, files = [], resources, followUp } = draft;
  const values = fields.map((field) => fieldInput(field, draft.fields[field.key]));
  return {
    subject,
    description: body,
    category,
    priority,
    customFields: values.filter((each) => each !== null),
    resources: resources.map(({ kind, externalId, name }) => ({
      kind,
      externalId,
      name: name.trim() || null,
    })),
    attachmentIds: files.map((file) => file.id),
    followUpOf: followUp?.id ?? null,
  };
}

function fieldInput(field: Field, value: string | readonly string[] = ""): CustomFieldInput | null {
  if (value.length === 0) return null;
  const { key } = field;
  if (typeof value !== "string") return { key, options: [...value] };
  if (field.type === "BOOLEAN") return { key, boolean: value === "true" };
  return field.type === "SELECT" ? { key, options: [value] } : inputOf(field, value);
}

/** What a ticket that was not sent had, so that the person can change it. */
export function contentOf(
  input: CreateInput,
  files: readonly UploadedFile[],
  followUp: NewTicket["followUp"],
): NewTicket {
  const fields = (input.customFields ?? []).map((each) => [each.key, rawValue(each)] as const);
  return {
    body: input.description,
    files,
    subject: input.subject,
    category: input.category,
    priority: input.priority ?? "NORMAL",
    fields: Object.fromEntries(fields),
    resources: (input.resources ?? []).map((each) => ({ ...each, name: each.name ?? "" })),
    followUp,
  };
}

function rawValue({ text, number, boolean, date, options }: CustomFieldInput): string | string[] {
  if (options != null) return [...options];
  return String(text ?? number ?? boolean ?? date ?? "");
}
