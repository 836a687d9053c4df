"""The authorization code flow with PKCE (OpenID Connect Core 1.0, section 3.1; RFC 7636)."""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass
from datetime import datetime
from urllib.parse import urlencode

import orjson
from joserfc.util import urlsafe_b64decode

from models.oidc.claims import read_profile
from models.oidc.http_client import Json, ProviderRefused, ProviderUnavailable
from models.oidc.metadata import Metadata, ProviderClient, text_of
from models.oidc.registry import IdentityProviders
from models.oidc.tokens import InvalidJwt, Jwt, check_id_token, read_jwt

CHALLENGE = re.compile(r"[\w-]{43}", re.ASCII)
"""The SHA-256 of a text, in base64url."""
MAX_CODE_CHARS = 4096
MAX_COOKIE_CHARS = 4096


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """The values that the browser keeps in a cookie while the person is at the provider.

    The values bind the provider's response to this browser and to this request. Only this browser
    may know them.
    """

    provider: str
    state: str
    nonce: str
    verifier: str
    redirect_url: str
    challenge: str
    """The SHA-256 of a secret of the application, without which it can't use the sign-in code."""

    def encode(self) -> str:
        return urlsafe_b64encode(orjson.dumps(asdict(self))).decode().rstrip("=")


def create_request(provider: str, redirect_url: str, challenge: str) -> AuthorizationRequest:
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return AuthorizationRequest(provider, state, nonce, verifier, redirect_url, challenge)


def decode_request(cookie: str | None) -> AuthorizationRequest | None:
    """The request of a cookie; None if the cookie is absent or malformed."""
    if cookie is None or len(cookie) > MAX_COOKIE_CHARS:
        return None
    try:
        authorization = AuthorizationRequest(**orjson.loads(urlsafe_b64decode(cookie.encode())))
    except (ValueError, TypeError):
        return None
    has_texts = all(isinstance(value, str) and value for value in asdict(authorization).values())
    return authorization if has_texts and CHALLENGE.fullmatch(authorization.challenge) else None


async def build_authorization_url(
    providers: IdentityProviders, client: ProviderClient, authorization: AuthorizationRequest
) -> str:
    """The URL at the provider where the person signs in. Raises ProviderUnavailable."""
    metadata = await client.metadata.get()
    if metadata.authorization_url is None:
        raise ProviderUnavailable("the metadata has no authorization_endpoint")
    provider = client.provider
    digest = hashlib.sha256(authorization.verifier.encode()).digest()
    query = urlencode(
        {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": providers.callback_url(provider),
            "scope": " ".join(provider.scopes),
            "state": authorization.state,
            "nonce": authorization.nonce,
            "code_challenge": urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
    )
    separator = "&" if "?" in metadata.authorization_url else "?"
    return f"{metadata.authorization_url}{separator}{query}"


async def exchange_code(
    providers: IdentityProviders,
    client: ProviderClient,
    authorization: AuthorizationRequest,
    code: str,
    at: datetime,
) -> tuple[Jwt, Json]:
    """Exchange the provider's code for the ID token, and read the person's claims.

    Raises InvalidJwt, ProviderRefused or ProviderUnavailable.
    """
    provider = client.provider
    assert provider.client_id is not None  # the routes exist only for such providers
    metadata = await client.metadata.get()
    response = await request_tokens(providers, client, metadata, authorization, code)
    text = text_of(response, "id_token")
    if text is None:
        raise InvalidJwt("the provider sent no ID token")
    token = await read_jwt(text, client, at, providers.leeway)
    check_id_token(token, provider.client_id, authorization.nonce)
    claims = dict(token.claims)
    access_token = text_of(response, "access_token")
    if metadata.userinfo_url and access_token and needs_userinfo(client, claims):
        found = await providers.http.get(metadata.userinfo_url, access_token)
        if found.get("sub") != token.subject:
            raise InvalidJwt("the user info belongs to another person")
        claims = merge_claims(claims, found)
    return token, claims


def merge_claims(id_token: Json, user_info: Json) -> Json:
    """The claims of the ID token, and those that only the user info has.

    `email_verified` of the user info counts for its own email address only.
    """
    merged = {**user_info, **id_token}
    if "email_verified" not in id_token and merged.get("email") != user_info.get("email"):
        merged.pop("email_verified", None)
    return merged


def needs_userinfo(client: ProviderClient, claims: Json) -> bool:
    """Whether the ID token lacks claims that the user info may have."""
    provider = client.provider
    profile = read_profile(provider, claims)
    lacks_groups = bool(provider.roles or provider.teams) and profile.groups is None
    return lacks_groups or "email" not in claims or "name" not in claims


async def request_tokens(
    providers: IdentityProviders,
    client: ProviderClient,
    metadata: Metadata,
    authorization: AuthorizationRequest,
    code: str,
) -> Json:
    """The token endpoint's response. Raises ProviderRefused or ProviderUnavailable."""
    if metadata.token_url is None:
        raise ProviderUnavailable("the metadata has no token_endpoint")
    if not 0 < len(code) <= MAX_CODE_CHARS:
        raise ProviderRefused("the code is empty or too long")
    provider = client.provider
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": providers.callback_url(provider),
        "code_verifier": authorization.verifier,
    }
    client_id, secret = provider.client_id or "", provider.client_secret
    if secret is not None and not metadata.secret_in_form:
        credentials = (client_id, secret.get_secret_value())
        return await providers.http.post(metadata.token_url, form, credentials)
    form["client_id"] = client_id
    if secret is not None:
        form["client_secret"] = secret.get_secret_value()
    return await providers.http.post(metadata.token_url, form)
