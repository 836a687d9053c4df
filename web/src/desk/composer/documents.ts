// The operations of the composer.
import { graphql, type ResultOf } from "../../shared/graphql";

const MACRO = graphql(`
  fragment Macro on Macro {
    id
    name
    text
    statusAction
    assignment
    assignee { id displayName }
    newTeam { id name }
    priority
    addTags
    removeTags
    customFields { field { id label } }
  }
`);
export const MACROS = graphql(
  `
    query Macros($search: String) {
      macros(search: $search, first: 20) { nodes { ...Macro } }
    }
  `,
  [MACRO],
);
export const FIND_MACRO = graphql(
  `
    query FindMacro($id: ID!) {
      node(id: $id) { __typename ... on Macro { ...Macro } }
    }
  `,
  [MACRO],
);
export const PREVIEW_MACRO = graphql(`
  query PreviewMacro($macroId: ID!, $ticketId: ID!) {
    previewMacro(macroId: $macroId, ticketId: $ticketId) {
      text
      userErrors { code message }
    }
  }
`);
export const APPLY_MACRO = graphql(`
  mutation ApplyMacro($input: ApplyMacroInput!) {
    applyMacro(input: $input) {
      cursor
      userErrors { code message }
      ticket {
        id
        version
        status
        priority
        allowedActions
        assignee { id displayName }
        team { id name }
      }
    }
  }
`);
const DRAFT = graphql(`
  fragment Draft on Draft {
    id
    kind
    body
    version
    updatedAt
    proposedBy { displayName }
    attachments { id filename size }
  }
`);
export const SERVER_DRAFT = graphql(
  `
    query ServerDraft($ticketId: ID!) {
      ticket(id: $ticketId) { id viewerDraft { ...Draft } }
    }
  `,
  [DRAFT],
);
export const SAVE_DRAFT = graphql(
  `
    mutation SaveDraft($input: SaveDraftInput!) {
      saveDraft(input: $input) {
        draft { ...Draft }
        userErrors { code message }
      }
    }
  `,
  [DRAFT],
);
export const DISCARD_DRAFT = graphql(`
  mutation DiscardDraft($input: DiscardDraftInput!) {
    discardDraft(input: $input) { userErrors { code message } }
  }
`);

/** The ticket of a message that was not sent. */
export const TICKET_OF_MESSAGE = graphql(`
  query TicketOfMessage($id: ID!) {
    ticket(id: $id) { id number ref }
  }
`);

export type Macro = ResultOf<typeof MACRO>;
