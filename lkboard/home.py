"""The user's home directory and the folders in it that the XDG base directory specification names."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path | None:
    """Return the home directory; None when $HOME is not set and the user is in no passwd, as in many containers."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def user_folder(variable: str, default: str) -> Path | None:
    """Return the folder that an environment variable (XDG_CACHE_HOME) names, else ``default`` in the home directory."""
    if named := os.environ.get(variable):
        return Path(named)
    folder = home()
    return folder / default if folder else None
