"""Building the application."""

from __future__ import annotations

from pathlib import Path

from app import create_app
from models.people import password
from settings import load


def test_building_the_application_hashes_no_password(tmp_path: Path) -> None:
    """A hash takes 0.2 s of CPU; the first sign-in computes it."""
    password.get_dummy_hash.cache_clear()
    create_app(load(database_url=f"sqlite:///{tmp_path / 'x.db'}"))
    assert password.get_dummy_hash.cache_info().currsize == 0
