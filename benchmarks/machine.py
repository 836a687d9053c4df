"""Measurements from /proc: the machine, and the CPU time and memory of processes."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def process_tree(pid: int) -> list[int]:
    """The ids of a process and its descendants."""
    found = [pid]
    for each in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process and its descendants, including those that have ended."""
    total = 0
    for each in process_tree(pid):
        with contextlib.suppress(OSError):
            spent = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[11:15]
            total += sum(int(ticks) for ticks in (spent if each == pid else spent[:2]))
    return total / TICKS_PER_SECOND


def measure_memory(pid: int) -> int:
    """The resident bytes of a process, or the sum of proportional shares (PSS) if it has
    children."""
    pids = process_tree(pid)
    name = "Rss:" if len(pids) == 1 else "Pss:"
    total = 0
    for each in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
                if line.startswith(name):
                    total += int(line.split()[1]) * 1024
    return total


def count_busy_ticks(cores: Iterable[int]) -> tuple[int, int]:
    """The busy ticks and all ticks of some cores."""
    names = {f"cpu{core}" for core in cores}
    busy = total = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name in names:
            user, nice, system, idle, io_wait, *rest = (int(each) for each in ticks[:8])
            total += user + nice + system + idle + io_wait + sum(rest)
            busy += user + nice + system + sum(rest)
    return busy, total


def pin_process(pid: int, cores: set[int]) -> bool:
    try:
        os.sched_setaffinity(pid, cores)
    except OSError:
        return False
    return True


def raise_file_limit() -> int:
    """Raise the limit of open files to the allowed maximum; return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def describe_machine() -> str:
    """The cores, memory, CPU model and kernel of the machine."""
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    kib = int(Path("/proc/meminfo").read_text().split()[1])
    kernel = os.uname().release.split("-")[0]
    return f"{os.cpu_count()} cores ({model}), {kib / 2**20:.0f} GiB, Linux {kernel}"


def read_version(program: str, *arguments: str) -> str:
    """The first line that a program prints about its version; empty if it is not installed."""
    if shutil.which(program) is None:
        return ""
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=20)
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else ""


def describe_versions(
    packages: Iterable[str], node_modules: Path, node_packages: Iterable[str]
) -> str:
    """The versions of Python, Node.js and the packages, as far as they are installed."""
    python = [f"{name} {metadata.version(name)}" for name in packages]
    node: list[str] = []
    for name in node_packages:
        package = node_modules / name / "package.json"
        if package.exists():
            node.append(f"{name} {json.loads(package.read_text())['version']}")
    return (
        f"{interpreter_version()}, {', '.join(python)}; "
        f"Node.js {read_version('node', '--version')}, {', '.join(node)}"
    )


def interpreter_version() -> str:
    return f"CPython {'.'.join(str(part) for part in sys.version_info[:3])}"
