"""Files of targets: for their owner alone, and locked against a second follower."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path

from cli.follow.errors import TargetError

OWNER_ONLY = 0o600
"""A mirror has personal data."""
SECOND_FOLLOWER = "another follower uses {}; only one at a time can"


def open_file(path: Path) -> int:
    """A descriptor for reading and writing. A missing file is created. Raises TargetError."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY)
    except OSError as error:
        raise TargetError(f"can't write {path}: {error.strerror}") from error


def restrict_file(path: Path) -> None:
    """Take an existing file from the other users of the machine.

    Its mode may be the default one of the program that has created or copied it. A mode that
    permits access to the file's group only was chosen, and is kept. Raises TargetError.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO:
            path.chmod(OWNER_ONLY)
    except OSError as error:
        raise TargetError(
            f"all users of this machine have access to {path}, and its mode can't be changed: "
            f"{error.strerror}. Change it to 600, or to 640 for a group that may read it"
        ) from error


def lock_file(descriptor: int, path: Path) -> None:
    """Lock a file until the descriptor is closed, also by the end of the process.

    Raises TargetError if another follower has the lock.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise TargetError(SECOND_FOLLOWER.format(path)) from error
        raise TargetError(f"can't lock {path}: {error.strerror}") from error
