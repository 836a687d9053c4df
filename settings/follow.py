"""The settings of `ticketwire follow`, a client, which needs none of the server's settings."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class FollowSettings(BaseSettings):
    """The values of the variables TICKETWIRE_FOLLOW_…, also from the file .env."""

    model_config = SettingsConfigDict(
        env_prefix="TICKETWIRE_FOLLOW_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    server: str = ""
    """The base URL of the server, such as https://desk.example.com."""
    token: Annotated[str, Field(repr=False)] = ""
    """The API token. The command line has no option for it, because other users see its
    arguments."""
    token_file: str = ""
    """The path of a file with the API token, instead of the token."""
    to: Annotated[str, Field(repr=False)] = ""
    """The target, as in `--to`. A URL with a password is safer here."""
