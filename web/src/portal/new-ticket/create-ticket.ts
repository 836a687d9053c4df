// The mutation that creates a ticket. The list needs it, too, for what was not sent.
import { graphql, type VariablesOf } from "../../shared/graphql";

export const CREATE_TICKET = graphql(`
  mutation PortalCreateTicket($input: CreateTicketInput!) {
    createTicket(input: $input) { ref cursor userErrors { code message field } }
  }
`);

export type CreateInput = VariablesOf<typeof CREATE_TICKET>["input"];
