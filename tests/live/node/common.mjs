// What the stock clients are asked to do, and how they tell of it: a JSON line on standard output for each thing that happens.
import WebSocket from "ws";

globalThis.WebSocket ??= WebSocket; // as in browsers; Node.js 20 has none of its own

export const [http, ws, email, password, after] = process.argv.slice(2);

export const SIGN_IN = `mutation($who: SignInInput!) { signIn(input: $who) { token userErrors { code } } }`;
export const VIEWER = `query { viewer { role user { email } } }`;
export const WRONG = `query { nothing }`;
export const STEPS = `subscription($after: String) {
  ticketStatusChanged(after: $after) { cursor from to ticket { id status } actor { displayName } }
}`;
export const WRONG_STEPS = `subscription { ticketStatusChanged { nothing } }`;

export const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

export const codes = (errors) => errors.map((each) => each.extensions.code);

// fetch, which tells what was asked for and what came
export async function tellingFetch(url, options) {
  const answer = await fetch(url, options);
  const { accept } = Object.fromEntries(new Headers(options.headers));
  tell({ http: { method: options.method, accept, status: answer.status, type: answer.headers.get("content-type") } });
  return answer;
}

// Calls again after a socket that was dropped, as applications do: soon, and after the last cursor.
export const again = (follow) => setTimeout(follow, 50);
