"""What the groups of settings have in common. `settings.application.Settings` combines them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PositiveInt = Annotated[int, Field(ge=1)]
OptionalDays = Annotated[int, Field(ge=0, le=3650)]
TimeoutSeconds = Annotated[float, Field(gt=0, le=3600)]


class SettingsGroup(BaseSettings):
    """Reads its fields from the environment and the file .env, and is immutable."""

    model_config = SettingsConfigDict(
        env_prefix="TICKETWIRE_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )
