"""Programs that benchmarks start: compiled from C or installed by npm, and stopped by process
id."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

from benchmarks import machine

STOP_TIMEOUT_SECONDS = 12.0


class BenchmarkError(Exception):
    """A contender can't be measured. The report shows the reason instead of a figure."""


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """Terminate a process; kill it and its children if it has not exited in time."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    children = machine.process_tree(process.pid)[1:]
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        for pid in children:
            with contextlib.suppress(OSError):
                os.kill(pid, 9)
        process.kill()
        process.wait(STOP_TIMEOUT_SECONDS)


def install_npm_packages(folder: Path) -> None:
    """Install the packages of the folder's package-lock.json. Raises BenchmarkError."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise BenchmarkError("Node.js and npm are not installed")
    lock = folder / "package-lock.json"
    installed_lock = folder / "node_modules" / ".package-lock.json"
    if installed_lock.exists() and installed_lock.stat().st_mtime >= lock.stat().st_mtime:
        return
    command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    if result.returncode:
        raise BenchmarkError(f"npm ci: {result.stderr.strip()[-200:]}")


def compile_c_program(source: Path, folder: Path) -> Path:
    """Compile a C file into `folder`; return the program. Raises BenchmarkError."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise BenchmarkError("a C compiler is needed")
    program = folder / source.stem
    command = [compiler, "-O2", "-o", str(program), str(source)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if result.returncode:
        raise BenchmarkError(f"{source.name}: {result.stderr.strip()[-300:]}")
    return program
