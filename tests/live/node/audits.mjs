// Runs the GraphQL over HTTP audits of the npm package graphql-http: node audits.mjs <http>. Prints
// a JSON line per audit. The audits send GET requests without custom headers. The server refuses
// these, because a page of another origin could send them too, so a header that forces a preflight
// is added to GET requests only.
import { serverAudits } from "graphql-http";

const [url] = process.argv.slice(2);

function fetchFn(input, options = {}) {
  const isGet = (options.method ?? "GET") === "GET";
  const added = isGet ? { "x-requested-with": "audits" } : {};
  return fetch(input, { ...options, headers: { ...options.headers, ...added } });
}

for (const audit of serverAudits({ url, fetchFn })) {
  const { id, name, status, reason } = await audit.fn();
  process.stdout.write(`${JSON.stringify({ audit: { id, name, status, reason } })}\n`);
}
process.stdout.write(`${JSON.stringify({ done: true })}\n`);
