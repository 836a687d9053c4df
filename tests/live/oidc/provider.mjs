// An OpenID provider: node provider.mjs <JSON>. The JSON has port, keys (a JWK set with private
// keys), accounts (claims by subject), clients, and audience (of JWT access tokens for the client
// "spa"). Prints a JSON line when it listens, and one for each request.
import { createServer } from "node:http";
import Provider from "oidc-provider";

// oidc-provider prints advice for production, which is no JSON.
console.info = console.warn = () => {};

const { port, keys, accounts, clients, audience } = JSON.parse(process.argv[2]);
const report = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const issuer = `http://127.0.0.1:${port}`;
const deactivated = new Set();

const provider = new Provider(issuer, {
  clients,
  jwks: keys,
  cookies: { keys: ["not a secret, this provider is for tests"] },
  claims: { openid: ["sub", "groups"], email: ["email", "email_verified"], profile: ["name"] },
  pkce: { required: () => true },
  findAccount: (_, subject) =>
    subject in accounts && !deactivated.has(subject)
      ? { accountId: subject, claims: () => ({ sub: subject, ...accounts[subject] }) }
      : undefined,
  extraTokenClaims: (_, token) => accounts[token.accountId],
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_, client) => (client.clientId === "spa" ? audience : undefined),
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: "tickets:read tickets:write",
        audience,
        accessTokenFormat: "jwt",
        accessTokenTTL: 600,
        jwt: { sign: { alg: "RS256" } },
      }),
    },
  },
  // By default, oidc-provider sends no requests to loopback addresses.
  fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  // People need not confirm that a client may read their claims.
  loadExistingGrant: async (context) => {
    const { client, session, params } = context.oidc;
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope(params.scope);
    grant.addResourceScope(audience, "tickets:read tickets:write");
    await grant.save();
    return grant;
  },
});
for (const event of ["server_error", "backchannel.error"]) {
  provider.on(event, (...details) => report({ [event]: String(details.find((each) => each instanceof Error)) }));
}
provider.on("backchannel.success", () => report({ backchannel: "success" }));

// The page of the provider where a person signs in: ?login=<subject>, or ?cancel.
async function interact(request, response) {
  const query = new URL(request.url, issuer).searchParams;
  const result = query.has("cancel") || deactivated.has(query.get("login"))
    ? { error: "access_denied" }
    : { login: { accountId: query.get("login") } };
  await provider.interactionFinished(request, response, result);
}

// The provider's administration: POST /deactivate?subject=<subject>. Ends all sessions of the account at
// each client, as providers do for a person who has left; afterwards nobody can sign in with it.
async function deactivate(request, response) {
  const subject = new URL(request.url, issuer).searchParams.get("subject");
  deactivated.add(subject);
  for (const { client_id, backchannel_logout_uri } of clients) {
    if (backchannel_logout_uri) {
      const client = await provider.Client.find(client_id);
      await client.backchannelLogout(subject, undefined);
    }
  }
  response.writeHead(204).end();
}

const serve = provider.callback();
createServer((request, response) => {
  report({ request: request.url.split("?")[0] });
  const fail = (error) => response.writeHead(500).end(String(error));
  if (request.url.startsWith("/interaction/")) {
    interact(request, response).catch(fail);
  } else if (request.method === "POST" && request.url.startsWith("/deactivate?")) {
    deactivate(request, response).catch(fail);
  } else {
    serve(request, response);
  }
}).listen(port, "127.0.0.1", () => report({ listening: port }));
