// Follows the log with the stock client: node graphql_ws.mjs <url> <token> <after>. A JSON line on standard output for each thing
// that happens. A cut socket is opened again by graphql-ws itself, and the subscription goes on from its last cursor.
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [url, token, after] = process.argv.slice(2);
const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const client = createClient({
  url,
  webSocketImpl: WebSocket,
  connectionParams: { authorization: `Bearer ${token}` },
  retryAttempts: 1000,
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 50)),
  shouldRetry: (event) => event.code !== 4403, // graphql-ws itself would come again with the token that was refused
  on: {
    connected: () => tell({ connected: true }),
    closed: (event) => tell({ closed: event.code ?? null }),
  },
});

// graphql-ws sends this object each time that it connects.
const payload = {
  query: `subscription($after: String) {
    ticketEvents(after: $after) { type cursor ticket { id } ... on TicketReplied { reply { body } } }
  }`,
  variables: { after },
};

client.subscribe(payload, {
  next: ({ data, errors }) => {
    if (errors) return tell({ errors });
    payload.variables.after = data.ticketEvents.cursor;
    return tell({ event: data.ticketEvents });
  },
  error: (error) => {
    tell({ error: error.code ?? error[0]?.extensions ?? String(error) });
    process.exitCode = 1;
  },
  complete: () => tell({ complete: true }),
});
