"""The files of the demo: a picture, which is drawn, and a log."""

from __future__ import annotations

import asyncio
import hashlib
import io
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

from PIL import Image, ImageDraw

from models.files.images import Thumbnailer
from models.files.store import FileStore
from models.tickets.attachment import Attachment

SIZE = (640, 360)
BACKGROUND, BAR, TEXT = (244, 245, 247), (181, 43, 39), (33, 37, 41)


async def store_files(
    store: FileStore,
    uploader_id: UUID,
    picture: str,
    lines: Sequence[str],
    log: str,
    log_content: bytes,
    at: datetime,
) -> list[Attachment]:
    """Store the picture with its thumbnail, and the log; returns their records, not attached."""
    content = await asyncio.to_thread(draw_picture, lines)
    return [
        await store_file(store, uploader_id, picture, "image/png", content, at),
        await store_file(store, uploader_id, log, "text/plain", log_content, at),
    ]


async def store_file(
    store: FileStore,
    uploader_id: UUID,
    filename: str,
    content_type: str,
    content: bytes,
    at: datetime,
) -> Attachment:
    """Store a file as an upload does that has passed all checks."""
    file = Attachment(
        filename=filename,
        content_type=content_type,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        uploader_user_id=uploader_id,
        created_at=at,
    )
    with tempfile.NamedTemporaryFile() as written:
        written.write(content)
        written.flush()
        path = Path(written.name)
        file.storage_key = await store.put(file, path)
        thumbnail = await Thumbnailer().make(path, content_type)
        if thumbnail is not None:
            try:
                file.thumbnail_key = await store.put_thumbnail(file, thumbnail)
            finally:
                await asyncio.to_thread(thumbnail.unlink)
    await file.save(force_create=True)
    return file


def draw_picture(lines: Sequence[str]) -> bytes:
    """A PNG image of a window with an error."""
    image = Image.new("RGB", SIZE, BACKGROUND)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, SIZE[0], 48), fill=BAR)
    for number, line in enumerate(lines):
        draw.text((40, 80 + 36 * number), line, fill=TEXT, font_size=22)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
