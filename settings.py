"""The settings: the only reader of the environment and of .env. Frozen, checked at the start, each with its default."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as PydanticSettingsError


class SettingsError(Exception):
    """A setting that can't be used; one line says which and why."""


class Settings(BaseSettings):
    """Read from variables TICKETWIRE_…, and HOST and PORT."""

    model_config = SettingsConfigDict(
        env_prefix="TICKETWIRE_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    mode: Literal["demo", "development", "production"] = Field(
        default="development", description="demo fills an empty database; production closes introspection to strangers"
    )
    host: str = Field(default="127.0.0.1", validation_alias="HOST", description="address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, validation_alias="PORT", description="port to listen on")
    database_url: str = Field(default="sqlite:///data/ticketwire.db", description="sqlite:///path or postgres://…")
    database_pool: int = Field(default=10, ge=2, le=200, description="most Postgres connections of a process")
    bus_url: str = Field(default="memory://", description="memory:// or redis://…; several processes need redis or poll")
    reopen_days: int = Field(default=14, ge=0, le=3650, description="days in which a closed ticket can be reopened")
    close_after_days: int = Field(default=7, ge=1, le=3650, description="days after which a resolved ticket closes by itself")
    session_days: int = Field(default=30, ge=1, le=365, description="days that a sign-in lasts")
    sign_in_attempts: int = Field(
        default=10, ge=1, le=100_000, description="attempts per 5 minutes for an e-mail from an address; 6 times that per address"
    )
    allowed_origins: list[str] = Field(default_factory=list, description="origins of browser pages that may call")
    trusted_proxies: str = Field(
        default="", description="addresses of proxies whose X-Forwarded-For is believed, joined by commas; none by default"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least severe line to write")

    @field_validator("database_url")
    @classmethod
    def known_database(cls, value: str) -> str:
        from models.database import config

        config(value)
        return value

    @field_validator("bus_url")
    @classmethod
    def known_bus(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("memory", "redis", "rediss"):
            raise ValueError("use memory:// or redis://host:port")
        _ = parts.port  # raises ValueError for what is no port
        return value

    @property
    def reopen_window(self) -> timedelta:
        return timedelta(days=self.reopen_days)

    @property
    def close_after(self) -> timedelta:
        return timedelta(days=self.close_after_days)

    @property
    def session_length(self) -> timedelta:
        return timedelta(days=self.session_days)

    @property
    def is_demo(self) -> bool:
        return self.mode == "demo"

    @property
    def is_production(self) -> bool:
        return self.mode == "production"


def load(**given: object) -> Settings:
    """The settings, with some given in place of the environment's. Raises SettingsError."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        name = name if name in ("HOST", "PORT") else f"TICKETWIRE_{name}"
        raise SettingsError(f"{name}: {first['msg'].removeprefix('Value error, ')}") from error
    except PydanticSettingsError as error:
        raise SettingsError('TICKETWIRE_ALLOWED_ORIGINS: use a JSON list, such as ["https://example.com"]') from error
