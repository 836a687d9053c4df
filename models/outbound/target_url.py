"""The URLs to which the service may send requests.

One strict grammar decides, and the request is built from its parts. So no second parser can read
another host in the same text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from models.outbound.addresses import Address, Network, find_refusal
from models.outbound.refusals import AddressRefused

MAX_URL_CHARS = 2048
MAX_HOST_CHARS = 253
MAX_PORT = 65535
DEFAULT_PORTS = {"http": 80, "https": 443}
URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?]*)(.*)", re.IGNORECASE | re.ASCII)
AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]*)(?::([0-9]{1,5}))?", re.IGNORECASE | re.ASCII)
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
"""A label of a host name (RFC 1123, section 2.1)."""
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
"""A last label that resolvers read as a number: the host is then an IPv4 address, or refused."""
PATH_AND_QUERY = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]|%[0-9A-Fa-f]{2})*", re.ASCII)
"""RFC 3986, section 3.3 and 3.4, with the square brackets that many services use in queries."""


@dataclass(frozen=True, slots=True)
class TargetUrl:
    """The parts of a permitted URL."""

    scheme: str
    host: str
    """In lower case; an IPv6 address has no brackets."""
    port: int
    path: str
    """The path with the query, at least `/`."""
    address: Address | None
    """The address, if the host is one."""

    @property
    def authority(self) -> str:
        """The value of the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_default = self.port == DEFAULT_PORTS[self.scheme]
        return host if is_default else f"{host}:{self.port}"


def check_target_url(
    url: str, *, allow_http: bool, allowed_networks: Sequence[Network] = ()
) -> TargetUrl:
    """Check what needs no lookup of the host name. Raises AddressRefused.

    The addresses of a host name are checked when a connection is opened.
    """
    if len(url) > MAX_URL_CHARS:
        raise AddressRefused(f"the URL is longer than {MAX_URL_CHARS} characters")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise AddressRefused(
            "the URL must be ASCII without white space and backslashes: write the host as xn--… "
            "(IDNA), and encode the path with %"
        )
    if "#" in url:
        raise AddressRefused("the URL must have no fragment (#…)")
    match = URL.fullmatch(url)
    if match is None:
        raise AddressRefused("the URL must be like https://example.com/path")
    scheme, authority, rest = match[1].lower(), match[2].lower(), match[3]
    check_scheme(scheme, allow_http)
    if "@" in authority:
        raise AddressRefused("the URL must have no user name and password")
    host, port = split_authority(authority, scheme)
    address = parse_address(host)
    if address is None:
        check_host_name(host)
    elif refusal := find_refusal(address, allowed_networks):
        raise AddressRefused(f"no connections are permitted to this address: {refusal}")
    if not PATH_AND_QUERY.fullmatch(rest):
        raise AddressRefused("the path and the query must be encoded with % (RFC 3986)")
    path = rest if rest.startswith("/") else f"/{rest}"
    return TargetUrl(scheme, host if address is None else str(address), port, path, address)


def check_scheme(scheme: str, allow_http: bool) -> None:
    if scheme != "https" and not (allow_http and scheme == "http"):
        raise AddressRefused(
            "the URL must begin with https:// or http://"
            if allow_http
            else "the URL must begin with https://"
        )


def split_authority(authority: str, scheme: str) -> tuple[str, int]:
    """The host, without brackets, and the port. Raises AddressRefused."""
    match = AUTHORITY.fullmatch(authority)
    if match is None:
        raise AddressRefused("the host or the port of the URL is invalid")
    port = DEFAULT_PORTS[scheme] if match[2] is None else int(match[2])
    if not 1 <= port <= MAX_PORT:
        raise AddressRefused(f"the port must be from 1 to {MAX_PORT}")
    return match[1], port


def parse_address(host: str) -> Address | None:
    """The address, if the host is one in its usual form. Raises AddressRefused for other forms."""
    try:
        if host.startswith("["):
            return IPv6Address(host[1:-1])
        if NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
            return IPv4Address(host)
    except ValueError:
        raise AddressRefused(
            "write the IP address in its usual form, such as 192.0.2.1 or [2001:db8::1]"
        ) from None
    return None


def check_host_name(host: str) -> None:
    if len(host) > MAX_HOST_CHARS or not all(LABEL.fullmatch(label) for label in host.split(".")):
        raise AddressRefused(
            "the host must be a name of letters, digits, hyphens and dots (RFC 1123), without a "
            "dot at its end"
        )
