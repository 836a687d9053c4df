"""The topics of each category, by the category's slug."""

from __future__ import annotations

from collections.abc import Mapping

from demo.topic import Topic
from demo.topics import billing, network, platform, sales, servers

TOPICS: Mapping[str, tuple[Topic, ...]] = {
    "technical": servers.TOPICS + network.TOPICS + platform.TOPICS,
    "sales": sales.TOPICS,
    "billing": billing.TOPICS,
}
