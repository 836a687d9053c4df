"""The settings of the delivery of webhooks. settings/outbound.py has those of their addresses."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from settings.base import SettingsGroup


class WebhookSettings(SettingsGroup):
    """The delivery of webhooks."""

    webhook_timeout_seconds: Annotated[float, Field(gt=0, le=40)] = 15
    """Seconds within which the target of a webhook must respond."""
    webhook_first_retry_seconds: Annotated[float, Field(ge=0.05, le=3600)] = 5
    """Seconds after which a failed request of a webhook is repeated. Each further delay is four
    times as long."""
    webhook_longest_retry_seconds: Annotated[float, Field(ge=0.05, le=86_400)] = 43_200
    """The maximum number of seconds between two attempts. A longer Retry-After has no effect."""
    webhook_retry_hours: Annotated[float, Field(gt=0, le=720)] = 72
    """Hours after its first attempt after which a delivery fails for good."""
    webhook_pause_hours: Annotated[float, Field(gt=0, le=720)] = 72
    """Hours of failed requests without a successful one after which a webhook is paused."""
    webhook_delivery_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """Days after which an acknowledged delivery of a webhook is deleted, and the stored body of a
    failed one."""

    @property
    def webhook_delivery_retention(self) -> timedelta:
        return timedelta(days=self.webhook_delivery_days)
