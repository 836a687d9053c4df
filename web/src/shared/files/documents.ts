// The operations of files, and the types of their results.
import { graphql, type ResultOf } from "../graphql";

export const FILE = graphql(`
  fragment File on Attachment { id filename contentType size thumbnailUrl }
`);
export const FILE_URLS = graphql(`
  query FileUrls($id: ID!) {
    node(id: $id) { ... on Attachment { id url thumbnailUrl } }
  }
`);
export const CREATE_ATTACHMENT = graphql(`
  mutation CreateAttachment($input: CreateAttachmentInput!) {
    createAttachment(input: $input) {
      attachment { id filename size }
      uploadUrl
      userErrors { code message field }
    }
  }
`);
/** Files that no message has yet. Only the person who has uploaded them sees them. */
export const UPLOADED_FILES = graphql(`
  query UploadedFiles($ids: [ID!]!) {
    nodes(ids: $ids) { ... on Attachment { id filename size } }
  }
`);

export type File = ResultOf<typeof FILE>;

/** A file that the server has, and that belongs to no message yet. */
export interface UploadedFile {
  readonly id: string;
  readonly filename: string;
  readonly size: number;
}
