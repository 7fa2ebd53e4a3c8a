"""Open and save a config as an editor does: what the user did not change stays as it was."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.errors import LkboardError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The text of a config, its lines separated by a line feed, and the line ending that its file has."""

    text: str
    newline: str = "\n"


def open_config(path: Path) -> ConfigFile:
    """Read a config. Raises OSError, and `LkboardError` when it is not UTF-8."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise LkboardError("the file is not UTF-8 text", where=path, hint="open a YAML file") from error
    newline = "\r\n" if "\r\n" in text else "\n"
    return ConfigFile(text.replace(newline, "\n"), newline)


def save_config(path: Path, config: ConfigFile) -> None:
    """Write a config under a temporary name and rename it. Links are followed, the mode is kept.

    Raises OSError, and `OutputError` when the file cannot be given its name.
    """
    from lkboard.disk.replacing import replacing
    from lkboard.writing import write_all

    data = config.text.replace("\n", config.newline).encode("utf-8")
    with replacing([path.resolve()]) as (file,):
        write_all(file, data)
        os.fsync(file.fileno())
