"""Sends files to a virus scanner: clamd, by its command INSTREAM."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from pathlib import Path

import structlog

from models.files.refusals import FileRefused

CHUNK_BYTES = 64 * 1024
MAX_ANSWER_BYTES = 1024
SCAN_TIMEOUT_SECONDS = 60.0
COMMAND = b"zINSTREAM\0"
END = struct.pack("!L", 0)
UNAVAILABLE = "The virus scanner does not respond. Try again later."
log = structlog.get_logger("ticketwire.files")


@dataclass(frozen=True, slots=True)
class VirusScanner:
    """A clamd that listens on a TCP port.

    Its option StreamMaxLength must be at least the maximum size of files.
    """

    host: str
    port: int
    timeout_seconds: float = SCAN_TIMEOUT_SECONDS

    async def check(self, path: Path) -> None:
        """Raises FileRefused unless the scanner says that the file has no malware."""
        try:
            async with asyncio.timeout(self.timeout_seconds):
                answer = await self.scan(path)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            log.error("virus_scan.failed", error=repr(error))
            raise FileRefused("SCANNER_UNAVAILABLE", UNAVAILABLE, 503) from None
        if answer.endswith(" FOUND"):
            log.warning("virus_scan.found", answer=answer)
            raise FileRefused("MALWARE_FOUND", "The virus scanner has found malware in the file.")
        if not answer.endswith(" OK"):
            log.error("virus_scan.failed", answer=answer)
            raise FileRefused("SCANNER_UNAVAILABLE", UNAVAILABLE, 503)

    async def scan(self, path: Path) -> str:
        """The answer of clamd, such as `stream: OK`."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(COMMAND)
            file = await asyncio.to_thread(path.open, "rb")
            with file:
                while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                    writer.write(struct.pack("!L", len(chunk)) + chunk)
                    await writer.drain()
            writer.write(END)
            await writer.drain()
            answer = await reader.readuntil(b"\0")
            return answer[:MAX_ANSWER_BYTES].rstrip(b"\0").decode("utf-8", "replace").strip()
        finally:
            writer.close()


def parse_scanner(text: str) -> VirusScanner | None:
    """The scanner of a text `host:port`; None for an empty text. Raises ValueError."""
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError("use host:port")
    return VirusScanner(host.strip("[]"), int(port))
