"""The metadata and the signing keys of a provider, cached.

OpenID Connect Discovery 1.0, and JWK sets (RFC 7517). Requests that need the same document at the
same time share one request to the provider. The number of requests is limited in time, so that
tokens with unknown keys can't flood the provider.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

from models.oidc.http_client import Json, ProviderHttpClient, ProviderRefused, ProviderUnavailable
from models.oidc.provider import Provider

MAX_AGE_SECONDS = 3600.0
"""The age at which a document is read again."""
MAX_STALE_SECONDS = 24 * 3600.0
"""The age until which a document is used if it can't be read again."""
MIN_INTERVAL_SECONDS = 30.0
"""The minimum time between two requests for one document."""
MAX_KEYS = 100
MIN_RSA_BITS = 2048
DISCOVERY_PATH = "/.well-known/openid-configuration"
T = TypeVar("T")
log = structlog.get_logger("ticketwire.oidc")


@dataclass(slots=True)
class CachedDocument(Generic[T]):
    """A document that is read at most once per `MIN_INTERVAL_SECONDS`."""

    read: Callable[[], Coroutine[None, None, T]]
    clock: Callable[[], float]
    value: T | None = None
    read_at: float = 0
    tried_at: float | None = None
    reads: int = 0
    """How often the document was read."""
    failures: int = 0
    """How often it could not be read."""
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    async def get(self) -> T:
        """The document, at most a day old. Raises ProviderUnavailable."""
        if self.value is None or self.age > MAX_AGE_SECONDS:
            await self.refresh()
        if self.value is None or self.age > MAX_STALE_SECONDS:
            raise ProviderUnavailable("the provider's document could not be read")
        return self.value

    @property
    def age(self) -> float:
        return self.clock() - self.read_at

    async def refresh(self) -> None:
        """Read the document again, unless that was tried a short time ago."""
        if self.task is None:
            if self.tried_at is not None and self.clock() - self.tried_at < MIN_INTERVAL_SECONDS:
                return
            self.tried_at = self.clock()
            self.task = asyncio.create_task(self.run())
        # A cancelled caller must not cancel the request: others wait for it, too.
        await asyncio.shield(self.task)

    async def run(self) -> None:
        try:
            self.value = await self.read()
            self.read_at = self.clock()
            self.reads += 1
        except (ProviderUnavailable, ProviderRefused) as error:
            self.failures += 1
            log.warning("oidc.document_unavailable", error=str(error))
        finally:
            self.task = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """The parts of the provider's metadata that the service needs; URLs, or None if absent."""

    jwks_url: str
    authorization_url: str | None
    token_url: str | None
    userinfo_url: str | None
    secret_in_form: bool
    """Whether the client secret is sent in the form, because the provider refuses HTTP Basic."""


class ProviderClient:
    """The metadata and the keys of one provider."""

    def __init__(
        self,
        provider: Provider,
        http: ProviderHttpClient,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.provider = provider
        self.http = http
        self.metadata = CachedDocument(self.read_metadata, clock)
        self.keys = CachedDocument(self.read_keys, clock)
        self.unknown_keys = 0
        """How many tokens had the id of a key that the provider does not have."""

    async def find_keys(self, key_id: str | None) -> list[Key]:
        """The keys with this id, or all keys if it is None. Raises ProviderUnavailable.

        An unknown id makes the service read the keys again.
        """
        found = select_keys(await self.keys.get(), key_id)
        if not found:
            await self.keys.refresh()
            found = select_keys(await self.keys.get(), key_id)
        self.unknown_keys += not found
        return found

    async def read_metadata(self) -> Metadata:
        found = await self.http.get(self.provider.issuer.rstrip("/") + DISCOVERY_PATH)
        if found.get("issuer") != self.provider.issuer:
            raise ProviderUnavailable(f"the metadata is not that of {self.provider.issuer}")
        jwks_url = text_of(found, "jwks_uri")
        if jwks_url is None:
            raise ProviderUnavailable("the metadata has no jwks_uri")
        methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        has_basic = isinstance(methods, list) and "client_secret_basic" in methods
        return Metadata(
            jwks_url,
            text_of(found, "authorization_endpoint"),
            text_of(found, "token_endpoint"),
            text_of(found, "userinfo_endpoint"),
            not has_basic,
        )

    async def read_keys(self) -> list[Key]:
        metadata = await self.metadata.get()
        found = (await self.http.get(metadata.jwks_url)).get("keys")
        if not isinstance(found, list):
            raise ProviderUnavailable("the JWK set has no list of keys")
        keys = [import_key(each) for each in cast("list[object]", found)[:MAX_KEYS]]
        return [key for key in keys if key is not None]


def text_of(document: Json, name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) else None


def select_keys(keys: list[Key], key_id: str | None) -> list[Key]:
    return [key for key in keys if key_id is None or key.kid == key_id]


def import_key(data: object) -> Key | None:
    """A public key for signatures; None for a key of another kind, or a weak one."""
    if not isinstance(data, dict) or data.get("use", "sig") != "sig":
        return None
    try:
        key = JWKRegistry.import_key(cast("dict[str, str | list[str]]", data))
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, RSAKey) and key.public_key.key_size < MIN_RSA_BITS:
        return None
    return key if isinstance(key, RSAKey | ECKey | OKPKey) else None
