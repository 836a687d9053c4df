"""Documents known by a hash: what clients leave here (Apollo's automatic persisted queries), or a list of the only ones run.

What is left is bounded, and kept only where it could be run. With Redis the processes know each other's; while it is away, or
slow, a client is told that its document is not known, and sends it again with the text.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson
import structlog

from engine.graphql.errors import RequestError

if TYPE_CHECKING:
    from redis.asyncio import Redis

MAX_DOCUMENTS = 2000
MAX_TEXT_CHARACTERS = 4 * 1024 * 1024
REDIS_KEY_PREFIX = "ticketwire:document:"
REDIS_EXPIRY_SECONDS = 24 * 3600
REDIS_TIMEOUT_SECONDS = 0.3
REDIS_RETRY_SECONDS = 2.0
SHA256_HEX_LENGTH = 64
log = structlog.get_logger("ticketwire.trusted")


class PersistedDocuments:
    """`listed` are the only documents that are run, by their ids; None where all are."""

    def __init__(self, listed: Mapping[str, str] | None = None) -> None:
        self.trusted = listed
        self.trusted_texts = frozenset(listed.values()) if listed is not None else frozenset[str]()
        self.registered: OrderedDict[str, str] = OrderedDict()
        self.text_characters = 0
        self.redis: Redis | None = None
        self.redis_retry_at = 0.0
        self.tasks: set[asyncio.Task[None]] = set()

    async def find_text(self, query: str, extensions: Mapping[str, Any] | None) -> str:
        """The document that is asked for. Raises NotRun."""
        asked = (extensions or {}).get("persistedQuery")
        if self.trusted is not None:
            return self.find_trusted_text(query, None if asked is None else parse_hash(asked))
        if asked is None:
            return query
        id = parse_hash(asked)
        known = self.registered.get(id)
        if known is not None:
            self.registered.move_to_end(id)
        if query:
            if query != known and sha256(query.encode(errors="replace")).hexdigest() != id.lower():
                raise RequestError("The provided sha256Hash is not that of the query.", "BAD_REQUEST")
            return query
        found = known or await self.read_from_redis(id)
        if found is None:
            raise RequestError("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
        return found

    def find_trusted_text(self, query: str, id: str | None) -> str:
        assert self.trusted is not None
        if query and query in self.trusted_texts and (id is None or self.trusted.get(id, query) == query):
            return query
        found = self.trusted.get(id) if id is not None and not query else None
        if found is None:
            raise RequestError("This server runs only the documents on its list.", "FORBIDDEN")
        return found

    # ------------------------------------------------------------ what clients leave

    def register(self, query: str, extensions: Mapping[str, Any] | None) -> None:
        """Remember a document that came with its hash, and that may be run."""
        asked = (extensions or {}).get("persistedQuery")
        if asked is None or not query or self.trusted is not None:
            return
        id = parse_hash(asked)
        if id not in self.registered:
            self.store(id, query)
            if self.redis is not None and time.monotonic() > self.redis_retry_at:
                task = asyncio.create_task(self.write_to_redis(id, query))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

    def store(self, id: str, text: str) -> None:
        self.text_characters += len(text) - len(self.registered.get(id, ""))
        self.registered[id] = text
        while len(self.registered) > MAX_DOCUMENTS or self.text_characters > MAX_TEXT_CHARACTERS:
            self.text_characters -= len(self.registered.popitem(last=False)[1])

    # ------------------------------------------------------------ with other processes

    def connect_redis(self, url: str) -> None:
        from redis import asyncio as redis  # here, as importing redis takes 0.1 s that memory:// can do without

        self.redis = redis.from_url(url, socket_timeout=REDIS_TIMEOUT_SECONDS, socket_connect_timeout=REDIS_TIMEOUT_SECONDS)

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        if self.redis is not None:
            await self.redis.aclose()

    async def read_from_redis(self, id: str) -> str | None:
        """What another process was told."""
        if self.redis is None or time.monotonic() < self.redis_retry_at:
            return None
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_SECONDS):
                found = cast("bytes | None", await self.redis.get(REDIS_KEY_PREFIX + id))
        except Exception as error:
            self.pause_redis(error)
            return None
        text = found.decode(errors="replace") if found is not None else None
        if text is None or sha256(text.encode()).hexdigest() != id:
            return None
        self.store(id, text)
        return text

    async def write_to_redis(self, id: str, text: str) -> None:
        assert self.redis is not None
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_SECONDS):
                await self.redis.set(REDIS_KEY_PREFIX + id, text.encode(), ex=REDIS_EXPIRY_SECONDS)
        except Exception as error:
            self.pause_redis(error)

    def pause_redis(self, error: Exception) -> None:
        self.redis_retry_at = time.monotonic() + REDIS_RETRY_SECONDS
        log.warning("documents.apart", error=repr(error))


def parse_hash(asked: object) -> str:
    """Raises NotRun."""
    given = cast("dict[str, Any]", asked) if isinstance(asked, dict) else {}
    id = given.get("sha256Hash")
    if given.get("version") != 1 or not isinstance(id, str) or not 0 < len(id) <= 2 * SHA256_HEX_LENGTH:
        raise RequestError('A persistedQuery is {"version": 1, "sha256Hash": "…"}.', "BAD_REQUEST")
    return id


def load_manifest(path: str) -> dict[str, str]:
    """The documents of a manifest by their ids: a JSON map, or Apollo's and Relay's `{"operations": [{"id", "body"}]}`.

    Raises ValueError.
    """
    try:
        found = orjson.loads(Path(path).read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise ValueError(f"can't be read as a manifest ({error})") from None
    operations = found.get("operations") if isinstance(found, dict) else None
    if isinstance(operations, list):
        each = [cast("dict[str, Any]", each) for each in cast("list[Any]", operations) if isinstance(each, dict)]
        pairs = [(one.get("id"), one.get("body")) for one in each]
        if len(pairs) < len(cast("list[Any]", operations)):
            pairs = [(None, None)]
    else:
        pairs = list(cast("dict[str, Any]", found).items()) if isinstance(found, dict) else [(None, None)]
    if not all(isinstance(id, str) and isinstance(text, str) for id, text in pairs):
        raise ValueError('a manifest is a JSON map of ids to documents, or {"operations": [{"id", "body"}, …]}')
    return cast("dict[str, str]", dict(pairs))
