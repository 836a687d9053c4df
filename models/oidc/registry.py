"""The identity providers of the settings, and what each sign-in needs from them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from models.core.record_limits import DEFAULT_LIMITS, RecordLimits
from models.oidc.http_client import ProviderHttpClient
from models.oidc.metadata import ProviderClient
from models.oidc.provider import Provider
from models.outbound.addresses import Network

DEFAULT_LEEWAY = timedelta(seconds=60)


class IdentityProviders:
    """The providers of one process, with their cached metadata and keys.

    callback_base  the URL of the service, without a slash at its end
    redirect_urls  the URLs of applications that may receive a sign-in code
    allowed_networks  networks of providers that are permitted although they are not public
    """

    def __init__(
        self,
        providers: Sequence[Provider] = (),
        *,
        callback_base: str = "",
        redirect_urls: Sequence[str] = (),
        leeway: timedelta = DEFAULT_LEEWAY,
        allow_http: bool = False,
        allowed_networks: Sequence[Network] = (),
        limits: RecordLimits = DEFAULT_LIMITS,
    ) -> None:
        self.callback_base = callback_base.rstrip("/")
        self.redirect_urls = tuple(redirect_urls)
        self.leeway = leeway
        self.limits = limits
        self.http = ProviderHttpClient(allow_http=allow_http, allowed_networks=allowed_networks)
        clients = [ProviderClient(provider, self.http) for provider in providers]
        self.by_name = {each.provider.name: each for each in clients}
        self.by_issuer = {each.provider.issuer: each for each in clients}
        self.accepts_jwts = any(provider.audiences for provider in providers)

    def callback_url(self, provider: Provider) -> str:
        """The URL to which the provider sends people back. Never built from the Host header."""
        return f"{self.callback_base}/auth/oidc/{provider.name}/callback"

    def read_key_metrics(self) -> dict[str, dict[str, float]]:
        """The metrics of signing keys: values by provider, by the metric's name without prefix."""
        metrics: dict[str, dict[str, float]] = {}
        for name, client in self.by_name.items():
            keys = client.keys
            values: dict[str, float] = {
                "provider_key_reads_total": keys.reads,
                "provider_key_read_failures_total": keys.failures,
                "provider_unknown_keys_total": client.unknown_keys,
            }
            if keys.value is not None:
                values["provider_keys_age_seconds"] = keys.age
            for metric, value in values.items():
                metrics.setdefault(metric, {})[name] = value
        return metrics

    async def close(self) -> None:
        await self.http.close()
