"""Programs that benchmarks need beside Python: compiled from C, installed by npm, and ended by their own process id."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

from benchmarks.fanout import machine

END_SECONDS = 12.0


class Failed(Exception):
    """A contender can't be measured, or not any further; the reason is printed in the place of a figure."""


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and make it. A server whose sockets are gone has nothing left to do."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    children = machine.tree(process.pid)[1:]
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        for pid in children:
            with contextlib.suppress(OSError):
                os.kill(pid, 9)
        process.kill()
        process.wait(END_SECONDS)


def installed(peers: Path) -> None:
    """The npm packages of a folder, as its lock says. Raises Failed."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Failed("Node.js and npm are not installed")
    stamp = peers / "node_modules" / ".package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < (peers / "package-lock.json").stat().st_mtime:
        done = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=peers, capture_output=True, text=True, timeout=600
        )
        if done.returncode:
            raise Failed(f"npm ci: {done.stderr.strip()[-200:]}")


def compiled(source: Path, folder: Path) -> Path:
    """A program out of a C file. Raises Failed."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise Failed("a C compiler is needed")
    program = folder / source.stem
    done = subprocess.run([compiler, "-O2", "-o", str(program), str(source)], capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise Failed(f"{source.name}: {done.stderr.strip()[-300:]}")
    return program
