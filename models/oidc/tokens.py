"""Checks the tokens of providers: ID tokens, bearer tokens and logout tokens.

All are JWTs that a key of the provider has signed with an asymmetric algorithm.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode

from models.core.text import is_storable
from models.oidc.http_client import Json
from models.oidc.metadata import ProviderClient
from models.people.identity import MAX_SESSION_ID_CHARS, MAX_SUBJECT_CHARS

MAX_JWT_CHARS = 8192
MAX_LIFETIME = timedelta(hours=1)
"""The longest time between `iat` and `exp` of a bearer token or logout token."""
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
JWT_PATTERN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_TYPE = "logout+jwt"
MAX_TIMESTAMP = 253_402_300_799
"""The last second of the year 9999."""


class InvalidJwt(Exception):
    """A token is refused. The message is for the log, not for the client."""


class Registry(JWSRegistry):
    """Permits headers that joserfc does not know, except critical ones."""

    max_header_length = MAX_JWT_CHARS
    max_payload_length = MAX_JWT_CHARS
    max_signature_length = MAX_JWT_CHARS


REGISTRY = Registry(algorithms=ALGORITHMS, strict_check_header=False)


@dataclass(frozen=True, slots=True)
class Jwt:
    """A token with a valid signature of the provider and valid times."""

    type: str
    claims: Json
    issued_at: datetime
    expires_at: datetime

    @property
    def subject(self) -> str:
        """Raises InvalidJwt."""
        return required_text(self.claims, "sub", MAX_SUBJECT_CHARS)

    @property
    def session(self) -> str | None:
        """The provider's session. Raises InvalidJwt."""
        if "sid" not in self.claims:
            return None
        return required_text(self.claims, "sid", MAX_SESSION_ID_CHARS)


def looks_like_jwt(text: str) -> bool:
    return len(text) <= MAX_JWT_CHARS and JWT_PATTERN.fullmatch(text) is not None


def read_issuer(text: str) -> str | None:
    """The issuer that a token claims to have. Nothing is checked yet."""
    try:
        return required_text(read_part(text, 1), "iss", MAX_JWT_CHARS)
    except InvalidJwt:
        return None


async def read_jwt(text: str, client: ProviderClient, at: datetime, leeway: timedelta) -> Jwt:
    """Check a token's signature, issuer and times. Raises InvalidJwt or ProviderUnavailable."""
    header = read_header(text, client)
    claims = await verify(text, client, key_id_of(header))
    issued_at, expires_at = read_times(claims, at, leeway)
    return Jwt(str(header.get("typ", "")).lower(), claims, issued_at, expires_at)


def read_header(text: str, client: ProviderClient) -> Json:
    """The header of a token, after the checks that need no keys. Raises InvalidJwt."""
    if not looks_like_jwt(text):
        raise InvalidJwt("not a JWT, or too long")
    header = read_part(text, 0)
    # Checked before the keys are read: such a token can't become valid.
    if header.get("alg") not in ALGORITHMS:
        raise InvalidJwt("the algorithm is not permitted")
    if read_part(text, 1).get("iss") != client.provider.issuer:
        raise InvalidJwt("another issuer")
    return header


def key_id_of(header: Json) -> str | None:
    """Raises InvalidJwt."""
    key_id = header.get("kid")
    if key_id is not None and not isinstance(key_id, str):
        raise InvalidJwt("the key id is no text")
    return key_id


async def verify(text: str, client: ProviderClient, key_id: str | None) -> Json:
    """The claims of a token with a valid signature. Raises InvalidJwt or ProviderUnavailable."""
    for key in await client.find_keys(key_id):
        try:
            return cast("Json", jwt.decode(text, key, ALGORITHMS, REGISTRY).claims)
        except (JoseError, ValueError, TypeError, RecursionError):
            continue
    raise InvalidJwt("no key of the provider has signed this token")


def read_part(text: str, number: int) -> Json:
    """Decode the header (0) or the claims (1) of a token. Raises InvalidJwt."""
    try:
        found = orjson.loads(urlsafe_b64decode(text.split(".")[number].encode()))
    except (ValueError, IndexError) as error:
        raise InvalidJwt("not JSON in base64url") from error
    if not isinstance(found, dict):
        raise InvalidJwt("not a JSON object")
    return found


def read_times(claims: Json, at: datetime, leeway: timedelta) -> tuple[datetime, datetime]:
    """`iat` and `exp` of a token that is valid at this time. Raises InvalidJwt."""
    issued_at, expires_at = read_time(claims, "iat", at), read_time(claims, "exp", at)
    not_before = read_time(claims, "nbf", at) if "nbf" in claims else issued_at
    if at >= expires_at + leeway:
        raise InvalidJwt("expired")
    if at < issued_at - leeway or at < not_before - leeway:
        raise InvalidJwt("not yet valid")
    return issued_at, expires_at


def read_time(claims: Json, name: str, at: datetime) -> datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidJwt(f"{name} is no number")
    if not 0 <= value <= MAX_TIMESTAMP:
        raise InvalidJwt(f"{name} is out of range")
    return datetime.fromtimestamp(value, at.tzinfo)


def required_text(claims: Json, name: str, max_chars: int) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= max_chars or not is_storable(value):
        raise InvalidJwt(f"{name} is no text of 1 to {max_chars} characters")
    return value


def audiences_of(claims: Json) -> list[object]:
    value = claims.get("aud")
    return cast("list[object]", value) if isinstance(value, list) else [value]


def check_audience(claims: Json, permitted: Collection[str]) -> None:
    if not any(isinstance(each, str) and each in permitted for each in audiences_of(claims)):
        raise InvalidJwt("another audience")


def check_id_token(token: Jwt, client_id: str, nonce: str) -> None:
    """OpenID Connect Core 1.0, section 3.1.3.7. Raises InvalidJwt."""
    claims = token.claims
    check_audience(claims, {client_id})
    if len(audiences_of(claims)) > 1 and "azp" not in claims:
        raise InvalidJwt("several audiences, but no azp")
    if claims.get("azp", client_id) != client_id:
        raise InvalidJwt("issued for another client")
    if claims.get("nonce") != nonce:
        raise InvalidJwt("another nonce")
    if token.type == LOGOUT_TYPE or "events" in claims:
        raise InvalidJwt("a logout token")
    _ = token.subject, token.session  # they raise InvalidJwt if malformed


def check_bearer_token(token: Jwt, audiences: Collection[str]) -> None:
    """A token that an application sends to this API. Raises InvalidJwt."""
    check_audience(token.claims, audiences)
    if token.expires_at - token.issued_at > MAX_LIFETIME:
        raise InvalidJwt("its lifetime is more than an hour")
    if token.type == LOGOUT_TYPE or "events" in token.claims:
        raise InvalidJwt("a logout token")
    _ = token.subject, token.session  # they raise InvalidJwt if malformed


def check_logout_token(token: Jwt, client_id: str) -> None:
    """OpenID Connect Back-Channel Logout 1.0, section 2.6. Raises InvalidJwt."""
    claims = token.claims
    check_audience(claims, {client_id})
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise InvalidJwt("not a logout token")
    if token.type not in ("", "jwt", LOGOUT_TYPE):
        raise InvalidJwt("another type")
    if "nonce" in claims:
        raise InvalidJwt("a logout token has no nonce")
    if token.expires_at - token.issued_at > MAX_LIFETIME:
        raise InvalidJwt("its lifetime is more than an hour")
    if "sub" not in claims and token.session is None:
        raise InvalidJwt("neither sub nor sid")
    required_text(claims, "jti", MAX_JWT_CHARS)
