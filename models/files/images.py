"""Makes thumbnails of images. They are new images, so nothing hidden in a file gets into them.

Decoding is bounded: a small file can claim to have billions of pixels (a decompression bomb).
"""

from __future__ import annotations

import asyncio
import tempfile
import warnings
from pathlib import Path

from PIL import Image, ImageOps

from models.files.refusals import FileRefused

FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
}
"""The types with thumbnails, and Pillow's decoder of each. No other decoder is used."""
MAX_PIXELS = 50_000_000
"""Decoding takes 4 bytes per pixel, twice that with transparency. One image is decoded at a
time."""
MAX_SIDE_PIXELS = 320
THUMBNAIL_TYPE = "image/webp"


class Thumbnailer:
    """Makes thumbnails in a thread, one at a time in this process."""

    def __init__(self) -> None:
        self.slot = asyncio.Semaphore(1)

    async def make(self, path: Path, content_type: str) -> Path | None:
        """A thumbnail in a new file beside `path`; None if the type has none.

        Raises FileRefused if the image has too many pixels, or can't be decoded.
        """
        format = FORMATS.get(content_type)
        if format is None:
            return None
        async with self.slot:
            return await asyncio.to_thread(make_thumbnail, path, format)


def make_thumbnail(path: Path, format: str) -> Path:
    """Raises FileRefused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow, about sizes and damaged metadata
        try:
            return write_thumbnail(path, format)
        except FileRefused:
            raise
        except Image.DecompressionBombError as error:
            raise refuse_pixels() from error
        except Exception as error:  # decoders and readers of metadata raise many kinds
            message = "The image is damaged, or is not of the declared type."
            raise FileRefused("IMAGE_DAMAGED", message) from error


def refuse_pixels() -> FileRefused:
    message = f"The image must have at most {MAX_PIXELS:,} pixels."
    return FileRefused("IMAGE_TOO_LARGE", message, limit_name="image_pixels")


def write_thumbnail(path: Path, format: str) -> Path:
    with Image.open(path, formats=[format]) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise refuse_pixels()
        image.draft("RGB", (MAX_SIDE_PIXELS, MAX_SIDE_PIXELS))  # JPEG: decodes a smaller version
        # The first frame of an animation. Transparent images keep their transparency.
        mode = "RGBA" if image.mode in ("RGBA", "LA", "PA", "P") else "RGB"
        # Made small first: each further step would copy the whole image. A palette can't be scaled.
        small = image.convert(mode) if image.mode in ("P", "PA") else image
        small.thumbnail((MAX_SIDE_PIXELS, MAX_SIDE_PIXELS))
        thumbnail = ImageOps.exif_transpose(small).convert(mode)
        thumbnail.info.clear()
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f"{path.name}.thumbnail.", delete=False
    ) as file:
        thumbnail.save(file, "WEBP", quality=80)
    return Path(file.name)
