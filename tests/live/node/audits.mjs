// The audits of GraphQL over HTTP by the npm package graphql-http: node audits.mjs <http>. A JSON line for each.
// They ask by GET without any header of their own, which here is refused, since a page of another origin could do so too: the
// header that forces a preflight is added to those, and to nothing else.
import { serverAudits } from "graphql-http";

const [url] = process.argv.slice(2);

function fetchFn(input, options = {}) {
  const isGet = (options.method ?? "GET") === "GET";
  return fetch(input, { ...options, headers: isGet ? { ...options.headers, "x-requested-with": "audits" } : options.headers });
}

for (const audit of serverAudits({ url, fetchFn })) {
  const { id, name, status, reason } = await audit.fn();
  process.stdout.write(`${JSON.stringify({ audit: { id, name, status, reason } })}\n`);
}
process.stdout.write(`${JSON.stringify({ done: true })}\n`);
