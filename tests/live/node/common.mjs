// The operations that all client programs run, and the JSON lines in which they report results and
// errors.
import WebSocket from "ws";

globalThis.WebSocket ??= WebSocket; // browsers have it; Node.js 20 does not

export const [http, ws, email, password, after] = process.argv.slice(2);

export const SIGN_IN = `mutation($input: SignInInput!) {
  signIn(input: $input) { token userErrors { code } }
}`;
export const VIEWER = `query { viewer { role user { email } } }`;
export const INVALID_QUERY = `query { nothing }`;
export const SUBSCRIPTION = `subscription($after: String) {
  ticketStatusChanged(after: $after) { cursor from to ticket { id status } actor { displayName } }
}`;
export const INVALID_SUBSCRIPTION = `subscription { ticketStatusChanged { nothing } }`;

export const report = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

export const codes = (errors) => errors.map((each) => each.extensions.code);

// fetch that also reports the request and the response
export async function reportingFetch(url, options) {
  const response = await fetch(url, options);
  const { accept } = Object.fromEntries(new Headers(options.headers));
  const type = response.headers.get("content-type");
  report({ http: { method: options.method, accept, status: response.status, type } });
  return response;
}

// Subscribes again soon after a disconnect, as applications do.
export const retry = (follow) => setTimeout(follow, 50);
