"""What is refused in URLs without a lookup."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from support.special_targets import REFUSED_URLS

from models.outbound.http_client import AddressRefused, check_target_url
from models.outbound.target_url import MAX_URL_CHARS, TargetUrl

LOCAL = [ip_network("127.0.0.0/8"), ip_network("::1")]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com", ("https", "example.com", 443, "/")),
        ("HTTPS://Example.COM/Path", ("https", "example.com", 443, "/Path")),
        ("https://example.com?a=1", ("https", "example.com", 443, "/?a=1")),
        ("https://example.com:8443/a/b?c=d", ("https", "example.com", 8443, "/a/b?c=d")),
        ("https://example.com:443/", ("https", "example.com", 443, "/")),
        ("https://a.b-c.xn--bcher-kva.example/%C3%A9", None),
        ("https://hooks.slack.com/services/T0/B0/x", None),
        ("https://example.com/a@b:c/?x[]=1&y=%20", None),
        ("https://example.com//double/../dots/./", None),
        ("https://1.1.1.1/", ("https", "1.1.1.1", 443, "/")),
        ("https://[2606:4700:4700::1111]:8443/", ("https", "2606:4700:4700::1111", 8443, "/")),
        ("https://[2606:4700:4700:0:0:0:0:1111]/", ("https", "2606:4700:4700::1111", 443, "/")),
        ("https://localhost/", ("https", "localhost", 443, "/")),
        ("https://1password.com/", ("https", "1password.com", 443, "/")),
        ("https://127.example/", ("https", "127.example", 443, "/")),
        ("https://0xabc.example/", ("https", "0xabc.example", 443, "/")),
    ],
)
def test_permitted_urls(url: str, expected: tuple[str, str, int, str] | None) -> None:
    target = check_target_url(url, allow_http=False)
    if expected is not None:
        assert (target.scheme, target.host, target.port, target.path) == expected


def test_the_host_header() -> None:
    def authority(url: str) -> str:
        return check_target_url(url, allow_http=True, allowed_networks=LOCAL).authority

    assert authority("https://Example.com:443/") == "example.com"
    assert authority("https://example.com:80/") == "example.com:80"
    assert authority("http://example.com:80/") == "example.com"
    assert authority("http://[::1]:8000/") == "[::1]:8000"
    assert authority("https://[::1]") == "[::1]"


@pytest.mark.parametrize(("url", "reason"), REFUSED_URLS)
def test_refused_urls(url: str, reason: str) -> None:
    with pytest.raises(AddressRefused, match=reason) as refusal:
        check_target_url(url, allow_http=False)
    assert refusal.value.message == str(refusal.value)


def test_the_longest_url() -> None:
    start = "https://example.com/"
    url = start + "a" * (MAX_URL_CHARS - len(start))
    assert check_target_url(url, allow_http=False).path == url[len(start) - 1 :]
    with pytest.raises(AddressRefused, match="2048"):
        check_target_url(url + "a", allow_http=False)


def test_http_only_if_it_is_permitted() -> None:
    target = check_target_url("http://example.com/", allow_http=True)
    assert target == TargetUrl("http", "example.com", 80, "/", None)
    with pytest.raises(AddressRefused, match="https:// or http://"):
        check_target_url("ftp://example.com/", allow_http=True)


def test_an_allowed_network_permits_its_addresses_in_their_usual_form() -> None:
    target = check_target_url("https://127.0.0.1/", allow_http=False, allowed_networks=LOCAL)
    assert target.address == ip_address("127.0.0.1")
    for url in ("https://127.1/", "https://2130706433/", "https://10.0.0.1/"):
        with pytest.raises(AddressRefused):
            check_target_url(url, allow_http=False, allowed_networks=LOCAL)
