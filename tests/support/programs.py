"""Programs of the machine that some tests need."""

from __future__ import annotations

import shutil

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
"""The path of the browser; None if it is not installed."""
