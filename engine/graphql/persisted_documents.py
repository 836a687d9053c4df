"""Documents that requests name by a hash.

There are two kinds. Automatic persisted queries (Apollo's protocol) are registered by clients. A
manifest of trusted documents makes the server refuse all other documents of clients.

The number and length of registered documents are limited, and only documents that can be executed
are registered. With Redis, the processes share them. If Redis is slow or unavailable, the server
responds that it does not know the document, and the client sends it again with its text.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson
import structlog

from engine.graphql.errors import RequestError

if TYPE_CHECKING:
    from redis.asyncio import Redis

MAX_DOCUMENTS = 2000
MAX_TOTAL_CHARS = 4 * 1024 * 1024
"""The maximum length of all registered documents together."""
REDIS_KEY_PREFIX = "ticketwire:document:"
REDIS_EXPIRY_SECONDS = 24 * 3600
REDIS_TIMEOUT_SECONDS = 0.3
REDIS_RETRY_SECONDS = 2.0
MAX_ID_CHARS = 128
"""A SHA-256 hash has 64 hexadecimal digits. Trusted documents may have longer ids."""
log = structlog.get_logger("ticketwire.persisted_documents")


class PersistedDocuments:
    """Documents by their ids.

    Args:
        trusted: The documents that clients may execute, by id; None if they may execute all.
        own: The documents of the server's own endpoints. They may always be executed.
    """

    def __init__(self, trusted: Mapping[str, str] | None = None, own: Collection[str] = ()) -> None:
        self.trusted = trusted
        self.trusted_texts = frozenset([*(trusted or {}).values(), *own])
        self.registered: OrderedDict[str, str] = OrderedDict()
        self.total_chars = 0
        self.redis: Redis | None = None
        self.redis_retry_at = 0.0
        self.tasks: set[asyncio.Task[None]] = set()

    async def find_text(self, query: str, extensions: Mapping[str, Any] | None) -> str:
        """The text of the requested document. Raises RequestError."""
        persisted_query = (extensions or {}).get("persistedQuery")
        id = None if persisted_query is None else parse_document_id(persisted_query)
        if self.trusted is not None:
            return self.find_trusted_text(query, id)
        if id is None:
            return query
        id = id.lower()
        registered = self.registered.get(id)
        if registered is not None:
            self.registered.move_to_end(id)
        if query:
            if query != registered and hash_text(query) != id:
                message = "The sha256Hash is not the hash of the query."
                raise RequestError(message, "BAD_REQUEST")
            return query
        text = registered or await self.read_from_redis(id)
        if text is None:
            # Apollo's clients expect this message.
            raise RequestError("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
        return text

    def find_trusted_text(self, query: str, id: str | None) -> str:
        """The trusted document that a request names by its text, its id or both."""
        assert self.trusted is not None
        id_matches = id is None or self.trusted.get(id, query) == query
        if query and query in self.trusted_texts and id_matches:
            return query
        text = self.trusted.get(id) if id is not None and not query else None
        if text is None:
            message = "The document must be one of this server's trusted documents."
            raise RequestError(message, "FORBIDDEN")
        return text

    # ------------------------------------------------------------ registered documents

    def register(self, query: str, extensions: Mapping[str, Any] | None) -> None:
        """Store the request's document under its hash, if the request has one.

        Call it only after `find_text` and the validation of the document.
        """
        persisted_query = (extensions or {}).get("persistedQuery")
        if persisted_query is None or not query or self.trusted is not None:
            return
        id = parse_document_id(persisted_query).lower()
        if id not in self.registered:
            self.store(id, query)
            if self.redis is not None and time.monotonic() > self.redis_retry_at:
                task = asyncio.create_task(self.write_to_redis(id, query))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

    def store(self, id: str, text: str) -> None:
        self.total_chars += len(text) - len(self.registered.get(id, ""))
        self.registered[id] = text
        while len(self.registered) > MAX_DOCUMENTS or self.total_chars > MAX_TOTAL_CHARS:
            _, oldest = self.registered.popitem(last=False)
            self.total_chars -= len(oldest)

    # ------------------------------------------------------------ documents of other processes

    def connect_redis(self, url: str) -> None:
        # Importing redis takes 0.1 s, which deployments without it should not pay.
        from redis import asyncio as redis

        self.redis = redis.from_url(
            url,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        )

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        if self.redis is not None:
            await self.redis.aclose()

    async def read_from_redis(self, id: str) -> str | None:
        """A document that another process registered.

        None if Redis is unavailable, or has no text with this hash.
        """
        if self.redis is None or time.monotonic() < self.redis_retry_at:
            return None
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_SECONDS):
                stored = cast("bytes | None", await self.redis.get(REDIS_KEY_PREFIX + id))
        except Exception as error:
            self.pause_redis(error)
            return None
        text = stored.decode(errors="replace") if stored is not None else None
        if text is None or hash_text(text) != id:
            return None
        self.store(id, text)
        return text

    async def write_to_redis(self, id: str, text: str) -> None:
        assert self.redis is not None
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_SECONDS):
                key = REDIS_KEY_PREFIX + id
                await self.redis.set(key, text.encode(), ex=REDIS_EXPIRY_SECONDS)
        except Exception as error:
            self.pause_redis(error)

    def pause_redis(self, error: Exception) -> None:
        """Do not use Redis for REDIS_RETRY_SECONDS."""
        self.redis_retry_at = time.monotonic() + REDIS_RETRY_SECONDS
        log.warning("documents.redis_unavailable", error=repr(error))


def hash_text(text: str) -> str:
    return sha256(text.encode(errors="replace")).hexdigest()


def parse_document_id(persisted_query: object) -> str:
    """The hash or id in `extensions.persistedQuery`. Raises RequestError."""
    members = cast("dict[str, Any]", persisted_query) if isinstance(persisted_query, dict) else {}
    id = members.get("sha256Hash")
    is_id = isinstance(id, str) and 0 < len(id) <= MAX_ID_CHARS
    if members.get("version") != 1 or not is_id:
        message = 'persistedQuery must be {"version": 1, "sha256Hash": "…"}.'
        raise RequestError(message, "BAD_REQUEST")
    return cast("str", id)


def load_manifest(path: str) -> dict[str, str]:
    """Read a file of trusted documents; returns their texts by id.

    The file is a JSON object of ids and documents, or a manifest as Apollo and Relay write it:
    `{"operations": [{"id", "body"}]}`.

    Raises:
        ValueError: The file can't be read, or is not in one of these forms.
    """
    try:
        manifest = orjson.loads(Path(path).read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise ValueError(f"can't be read as a manifest ({error})") from None
    documents = parse_manifest(manifest)
    if documents is None:
        forms = 'a JSON object of ids and documents, or {"operations": [{"id", "body"}, …]}'
        raise ValueError(f"must be {forms}")
    return documents


def parse_manifest(manifest: object) -> dict[str, str] | None:
    """The documents of a manifest by their ids; None if the manifest is invalid."""
    if not isinstance(manifest, dict):
        return None
    members = cast("dict[str, Any]", manifest)
    pairs: list[tuple[Any, Any]] = list(members.items())
    operations = members.get("operations")
    if isinstance(operations, list):
        pairs = []
        for operation in cast("list[Any]", operations):
            if not isinstance(operation, dict):
                return None
            fields = cast("dict[str, Any]", operation)
            pairs.append((fields.get("id"), fields.get("body")))
    if not all(isinstance(id, str) and isinstance(text, str) for id, text in pairs):
        return None
    return cast("dict[str, str]", dict(pairs))
