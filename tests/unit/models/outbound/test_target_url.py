"""What is refused in URLs without a lookup."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

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


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        # schemes
        ("http://example.com/", "begin with https://"),
        ("ftp://example.com/", "begin with https://"),
        ("file:///etc/passwd", "begin with https://"),
        ("gopher://example.com/", "begin with https://"),
        ("unix:///run/docker.sock", "begin with https://"),
        ("javascript:alert(1)", "like https://"),
        ("//example.com/", "like https://"),
        ("example.com", "like https://"),
        ("", "like https://"),
        ("https:/example.com", "like https://"),
        ("https:example.com", "like https://"),
        ("https:///path", "host"),
        ("https://", "host"),
        ("https://?a", "host"),
        # credentials
        ("https://user:password@example.com/", "user name"),
        ("https://user@example.com/", "user name"),
        ("https://@example.com/", "user name"),
        ("https://example.com:443@10.0.0.1/", "user name"),
        ("https://example.com%40@10.0.0.1/", "user name"),
        # fragments
        ("https://example.com/#a", "fragment"),
        ("https://example.com/#", "fragment"),
        ("https://example.com#@10.0.0.1/", "fragment"),
        # characters
        ("https://example.com/a b", "white space"),
        (" https://example.com/", "white space"),
        ("https://example.com/\n", "white space"),
        ("https://example.com/\r\nx: y", "white space"),
        ("https://exam\tple.com/", "white space"),
        ("https://example.com/\x00", "white space"),
        ("https://example.com\\@10.0.0.1/", "backslash"),
        ("https:\\\\example.com", "backslash"),
        ("https://bücher.example/", "xn--"),
        ("https://ⓔxample.com/", "xn--"),
        ("https://１２７.0.0.1/", "xn--"),
        ("https://127。0。0。1/", "xn--"),
        ("https://exam\u00adple.com/", "xn--"),
        ("https://example.com/é", "xn--"),
        ("https://example.com/%zz", "encoded with %"),
        ("https://example.com/{id}", "encoded with %"),
        ("https://example.com/?a=<b>", "encoded with %"),
        # ports
        ("https://example.com:0/", "port"),
        ("https://example.com:65536/", "port"),
        ("https://example.com:99999/", "port"),
        ("https://example.com:/", "port"),
        ("https://example.com:-1/", "port"),
        ("https://example.com:+443/", "port"),
        ("https://example.com:4_43/", "port"),
        ("https://example.com:443:443/", "port"),
        ("https://example.com:000443/", "port"),
        # hosts
        ("https://example.com./", "dot at its end"),
        ("https://./", "dot"),
        ("https://example..com/", "RFC 1123"),
        ("https://.example.com/", "RFC 1123"),
        ("https://-a.example/", "RFC 1123"),
        ("https://a-.example/", "RFC 1123"),
        ("https://a_b.example/", "RFC 1123"),
        ("https://a*.example/", "RFC 1123"),
        ("https://ex%61mple.com/", "RFC 1123"),
        ("https://127.0.0.1%2eexample.com/", "RFC 1123"),
        (f"https://{'a' * 64}.example/", "RFC 1123"),
        (f"https://{'a.' * 130}example/", "RFC 1123"),
        # addresses in other forms
        ("https://127.1/", "usual form"),
        ("https://127.0.1/", "usual form"),
        ("https://2130706433/", "usual form"),
        ("https://0x7f000001/", "usual form"),
        ("https://0x7f.1/", "usual form"),
        ("https://0X7F.0.0.1/", "usual form"),
        ("https://0177.0.0.1/", "usual form"),
        ("https://017700000001/", "usual form"),
        ("https://1.1.1.01/", "usual form"),
        ("https://1.1.1.256/", "usual form"),
        ("https://1.1.1.1.1/", "usual form"),
        ("https://1.1.1.1./", "usual form"),
        ("https://example.0x/", "usual form"),
        ("https://example.7/", "usual form"),
        ("https://0/", "usual form"),
        ("https://[1.1.1.1]/", "usual form"),
        ("https://[::1%25lo]/", "host"),
        ("https://[fe80::1%25eth0]/", "host"),
        ("https://[fe80::1%eth0]/", "host"),
        ("https://[2606:4700:4700::1111/", "host"),
        ("https://[]/", "host"),
        ("https://[v1.x]/", "host"),
        ("https://[2606:4700::1111::]/", "usual form"),
        ("https://2606:4700:4700::1111/", "host"),
        ("https://[2606:4700:4700::1111]example.com/", "host"),
        # special addresses
        ("https://127.0.0.1/", "loopback"),
        ("https://0.0.0.0/", "this network"),
        ("https://10.0.0.1/", "private use"),
        ("https://169.254.169.254/latest/meta-data/", "link-local"),
        ("https://[::1]/", "loopback"),
        ("https://[::]/", "unspecified"),
        ("https://[::ffff:127.0.0.1]/", "IPv4-mapped"),
        ("https://[::FFFF:7F00:1]/", "IPv4-mapped"),
        ("https://[64:ff9b::7f00:1]/", "NAT64"),
        ("https://[2002:7f00:1::]/", "6to4"),
        ("https://[fd00:ec2::254]/", "unique local"),
    ],
)
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
