"""The content security policy of pages that send files to another server."""

from __future__ import annotations

import pytest

from models.files.s3_store import S3Location
from web_routes import PAGE_HEADERS, build_headers


@pytest.mark.parametrize(
    ("endpoint", "origin"),
    [
        ("https://files.example.com:9000/path", "https://files.example.com:9000"),
        ("", "https://s3.eu-central-1.amazonaws.com"),
    ],
)
def test_pages_may_send_files_to_the_storage_and_show_its_pictures(
    endpoint: str, origin: str
) -> None:
    location = S3Location("bucket", "", endpoint, "eu-central-1", "key", "secret")
    policy = build_headers(location.url)["content-security-policy"]
    assert policy.startswith(PAGE_HEADERS["content-security-policy"])
    assert policy.endswith(f"; connect-src 'self' {origin}; img-src 'self' {origin}")


def test_without_another_storage_pages_load_nothing_from_elsewhere() -> None:
    assert build_headers("") is PAGE_HEADERS
