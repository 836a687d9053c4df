// GraphiQL for the API of this server, signed in with the session cookie of the browser.
import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import "./page.css";
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { getOperationAST, parse } from "graphql";
import { createElement as h } from "react";
import { createRoot } from "react-dom/client";
import { operations } from "./operations.js";
import { Session } from "./session.js";

const PATH = "/graphql";
const socketUrl = new URL(PATH, location.href);
socketUrl.protocol = location.protocol === "https:" ? "wss:" : "ws:";

/** The custom header makes the session cookie count. A token in the editor of headers precedes it,
 * also over WebSocket, where it is sent in connection_init. */
const send = createGraphiQLFetcher({
  url: PATH,
  headers: { "X-Requested-With": "graphiql" },
  subscriptionUrl: socketUrl.href,
  enableIncrementalDelivery: false,
});

/** Just after a change of the tab, GraphiQL can still have the facts of the previous operation. */
function fetcher(parameters, options) {
  let document;
  try {
    document = parse(parameters.query);
  } catch {
    return send(parameters, options); // the server explains the syntax error
  }
  const operation = getOperationAST(document, parameters.operationName) ?? getOperationAST(document);
  const operationName = operation?.name?.value ?? parameters.operationName;
  return send({ ...parameters, operationName }, { ...options, documentAST: document });
}

// sessionStorage, because operations can contain passwords and texts of customers: what is typed is
// gone when the tab of the browser closes.
const page = h(
  GraphiQL,
  {
    fetcher,
    storage: sessionStorage,
    defaultTabs: operations,
    shouldPersistHeaders: false,
    inputValueDeprecation: true,
    schemaDescription: true,
  },
  h(GraphiQL.Logo, null, h(Session)),
);
createRoot(document.getElementById("app")).render(page);
