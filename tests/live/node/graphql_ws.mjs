// Subscribes to the log with graphql-ws: node graphql_ws.mjs <url> <token> <after>. Prints a JSON
// line per event and state change. graphql-ws reconnects by itself, and the subscription resumes
// after its last cursor.
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [url, token, after] = process.argv.slice(2);
const report = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

const client = createClient({
  url,
  webSocketImpl: WebSocket,
  connectionParams: { authorization: `Bearer ${token}` },
  retryAttempts: 1000,
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 50)),
  shouldRetry: (event) => event.code !== 4403, // by default graphql-ws would retry with the refused token
  on: {
    connected: () => report({ connected: true }),
    closed: (event) => report({ closed: event.code ?? null }),
  },
});

// graphql-ws sends this object on each connect.
const payload = {
  query: `subscription($after: String) {
    ticketEvents(after: $after) { type cursor ticket { id } ... on TicketReplied { reply { body } } }
  }`,
  variables: { after },
};

client.subscribe(payload, {
  next: ({ data, errors }) => {
    if (errors) return report({ errors });
    payload.variables.after = data.ticketEvents.cursor;
    return report({ event: data.ticketEvents });
  },
  error: (error) => {
    report({ error: error.code ?? error[0]?.extensions ?? String(error) });
    process.exitCode = 1;
  },
  complete: () => report({ complete: true }),
});
