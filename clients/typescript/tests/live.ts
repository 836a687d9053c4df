// Follows a live list of a real server: node build/tests/live.js <http> <ws> <token> [ticket].
// Prints a line of JSON per change. When it is interrupted for the first time, it queues a reply to
// the ticket.
import WebSocket from "ws";
import { gql, TicketwireClient } from "../src/index.js";
import type { TicketChange } from "../src/index.js";

interface Row {
  readonly id: string;
  readonly version: number;
  readonly status: string;
  readonly tags: readonly string[];
  readonly assignee: { readonly id: string; readonly displayName: string } | null;
}

const FIELDS = "id version status tags assignee { id displayName }";
const LIST = gql<{
  ticketChanges: TicketChange<Row>;
}>(`subscription($filter: TicketFilter, $after: String) {
  ticketChanges(filter: $filter, after: $after) { kind cursor ticketId ticket { ${FIELDS} } }
}`);
const REPLY = gql<{ replyToTicket: object }, { input: { ticketId: string; body: string } }>(
  `mutation($input: ReplyToTicketInput!) {
    replyToTicket(input: $input) { cursor replayed ticket { ${FIELDS} } userErrors { code message } }
  }`,
);
const TICKET = gql<{ ticket: Row | null }, { id: string }>(
  `query($id: ID!) { ticket(id: $id) { ${FIELDS} } }`,
);

const [url, socketUrl, token, ticketId] = process.argv.slice(2) as [string, string, string, string?];
const report = (message: object): void => void process.stdout.write(`${JSON.stringify(message)}\n`);
const authorization = `Bearer ${token}`;

/** The user to whom the token belongs; nobody if it is unknown. */
async function readAccount(): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization },
    body: JSON.stringify({ query: "{ viewer { user { id } } }" }),
  });
  const { data } = (await response.json()) as { data?: { viewer?: { user: { id: string } } } };
  return data?.viewer?.user.id ?? "";
}

const client = new TicketwireClient({
  url,
  socketUrl,
  account: await readAccount(),
  headers: () => ({ authorization }),
  connectionParams: () => ({ authorization }),
  webSocket: WebSocket,
  onSessionExpired: () => report({ sessionExpired: true }),
});
const list = client.liveList<Row>({
  document: LIST,
  variables: { filter: { status: { in: ["NEW", "OPEN"] } } },
  compare: (a, b) => (a.id < b.id ? -1 : 1),
});

process.on("SIGUSR2", () => client.retryNow());

let hasReplied = false;
let isWatching = false;
list.subscribe(() => {
  report({
    list: { status: list.status, cursor: list.cursor, error: list.error?.message, rows: list.rows },
  });
  const [first] = list.rows;
  if (first && !isWatching) {
    isWatching = true;
    const query = client.watch(TICKET, { id: first.id });
    query.subscribe(() => report({ ticket: query.value?.ticket }));
  }
  if (ticketId && list.status === "interrupted" && !hasReplied) {
    hasReplied = true;
    void client.send(REPLY, { ticketId, body: "written offline" });
  }
});
client.outbox.subscribe(() => report({ outbox: client.outbox.entries.map(({ state }) => state) }));
