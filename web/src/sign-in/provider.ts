// Signing in by an identity provider: code flow with a verifier that only this tab knows.

const VERIFIER = "ticketwire-verifier";
const NEXT = "ticketwire-next";

function encode(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** Send the person to a provider. The provider returns to this page. */
export async function startProviderSignIn(name: string, next: string): Promise<void> {
  const verifier = encode(crypto.getRandomValues(new Uint8Array(32)));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  sessionStorage.setItem(VERIFIER, verifier);
  sessionStorage.setItem(NEXT, next);
  const parameters = new URLSearchParams({
    redirectUrl: `${location.origin}/sign-in`,
    challenge: encode(new Uint8Array(digest)),
  });
  location.assign(`/auth/oidc/${encodeURIComponent(name)}/start?${parameters}`);
}

/** The verifier and the next page of a sign-in that this tab began. They can be taken once. */
export function takeProviderSignIn(): { verifier: string; next: string } | null {
  const verifier = sessionStorage.getItem(VERIFIER);
  const next = sessionStorage.getItem(NEXT) ?? "/";
  sessionStorage.removeItem(VERIFIER);
  sessionStorage.removeItem(NEXT);
  return verifier === null ? null : { verifier, next };
}

/** A path of this server, or `/` if the URL names another site. Two slashes would begin a host. */
export function safePath(text: string | null): string {
  if (text === null || !URL.canParse(text, location.origin)) return "/";
  const url = new URL(text, location.origin);
  const isOwn = url.origin === location.origin && !url.pathname.startsWith("//");
  return isOwn ? url.pathname + url.search : "/";
}
