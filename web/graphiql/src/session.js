// Tells whose session the page has, and leads to the sign-in page without one.
import { createElement as h, useEffect, useState } from "react";

const QUERY = "{ viewer { role user { displayName } } }";
const SIGN_IN = "/sign-in?next=%2Fgraphql";

async function readViewer() {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Requested-With": "graphiql" },
    body: JSON.stringify({ query: QUERY }),
  });
  if (response.status === 401) return null; // the session has ended
  return (await response.json()).data?.viewer ?? null;
}

export function Session() {
  const [viewer, setViewer] = useState(undefined);
  useEffect(() => {
    readViewer().then(setViewer, () => setViewer(null));
  }, []);
  if (viewer === undefined) return h("span", { className: "session" }, "Ticketwire");
  if (viewer === null) return h("a", { className: "session", href: SIGN_IN }, "Sign in");
  const role = viewer.role.toLowerCase();
  return h("a", { className: "session", href: "/" }, `${viewer.user?.displayName ?? role} (${role})`);
}
