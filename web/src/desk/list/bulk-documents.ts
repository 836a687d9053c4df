// The operations of bulk changes, which the server runs as jobs.
import { graphql, type ResultOf, type VariablesOf } from "../../shared/graphql";

const JOB = graphql(`
  fragment BulkJob on Job {
    id
    kind
    status
    total
    succeeded
    failed
    progress
    undoableUntil
  }
`);
export const BULK_UPDATE = graphql(
  `
    mutation BulkUpdate($input: BulkUpdateTicketsInput!) {
      bulkUpdateTickets(input: $input) { job { ...BulkJob } userErrors { code message } }
    }
  `,
  [JOB],
);
export const UNDO_JOB = graphql(
  `
    mutation UndoJob($input: UndoJobInput!) {
      undoJob(input: $input) { job { ...BulkJob } userErrors { code message } }
    }
  `,
  [JOB],
);
export const CANCEL_JOB = graphql(
  `
    mutation CancelJob($input: CancelJobInput!) {
      cancelJob(input: $input) { job { ...BulkJob } userErrors { code message } }
    }
  `,
  [JOB],
);
export const JOB_CHANGED = graphql(
  `
    subscription JobChanged($id: ID!) { jobChanged(id: $id) { ...BulkJob } }
  `,
  [JOB],
);
export const JOB_ERRORS = graphql(`
  query JobErrors($id: ID!) {
    job(id: $id) {
      id
      errors(first: 100) { nodes { ticketId ref code message } }
    }
  }
`);

export type Job = ResultOf<typeof JOB>;
type Errors = NonNullable<ResultOf<typeof JOB_ERRORS>["job"]>["errors"];
export type RefusedTicket = Errors["nodes"][number];
export type BulkInput = VariablesOf<typeof BULK_UPDATE>["input"];
export type BulkChange = BulkInput["change"];
