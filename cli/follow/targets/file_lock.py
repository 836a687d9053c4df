"""Opens the files of targets, keeps other users out of them, and locks out other followers."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path

from cli.follow.errors import TargetError

OWNER_ONLY_MODE = 0o600
"""The mode of new files, because a mirror has personal data."""
LOCKED_BY_FOLLOWER = "another follower uses {}; only one at a time can use it"


def open_file(path: Path) -> int:
    """A descriptor for reading and writing. A missing file is created. Raises TargetError."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY_MODE)
    except OSError as error:
        raise TargetError(f"can't write {path}: {error.strerror}") from error


def restrict_file(path: Path) -> None:
    """Make an existing file inaccessible to the other users of the machine.

    The program that created or copied the file may have given it a default mode, which lets all
    users read it. A mode that permits access only to the owner and the group is kept, because
    somebody must have chosen it. Raises TargetError.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO:
            path.chmod(OWNER_ONLY_MODE)
    except OSError as error:
        raise TargetError(
            f"all users of this machine have access to {path}, and its mode can't be changed: "
            f"{error.strerror}. Change it to 600, or to 640 for a group that may read it"
        ) from error


def lock_file(descriptor: int, path: Path) -> None:
    """Lock a file until the descriptor is closed. The end of the process closes it, too.

    Raises TargetError if another follower has the lock.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise TargetError(LOCKED_BY_FOLLOWER.format(path)) from error
        raise TargetError(f"can't lock {path}: {error.strerror}") from error
