"""The starter kit for tests: built once per machine, and again when what it is made of changes.

It is kept in ``$LKBOARD_TEST_CACHE``, else ``lkboard-tests`` in the user's cache folder. Only the first build needs the
Debian mirrors: later ones use the recorded lock.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path

import pytest

from lkboard.board.catalogue import boards
from lkboard.events import Job
from lkboard.kit.build import ARCHITECTURES, build_kit
from lkboard.oci.store.store import Store
from support.tools import need

_TOP = Path(__file__).parents[2]
_SOURCES = ("resources/kit", "boards", "lkboard/kit", "lkboard/sources")


def cache_folder() -> Path:
    """Return the folder that outlives test runs."""
    named = os.environ.get("LKBOARD_TEST_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(named) if named else (Path(base) if base else Path.home() / ".cache") / "lkboard-tests"


def kit_store() -> Path:
    """Return a store that holds the kit for all architectures. Skips (on CI: fails) where there is no apt."""
    need("apt-get")
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    store, stamp, lock = folder / "kit", folder / "kit.stamp", folder / "kit.lock"
    with (folder / "kit.busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        wanted = _fingerprint()
        if not stamp.exists() or stamp.read_text() != wanted:
            build_kit(Store(store), ARCHITECTURES, Job(), boards=boards(), lock=lock, locked=lock.exists())
            stamp.write_text(wanted)
    return store


def kit_lock() -> Path:
    """Return the lock from which `kit_store` was built."""
    kit_store()
    return cache_folder() / "kit.lock"


@pytest.fixture(scope="session", name="kit_store")
def kit_store_fixture() -> Path:
    """`kit_store` as a fixture: import it in a conftest to use it."""
    return kit_store()


def _fingerprint() -> str:
    digest = hashlib.sha256()
    files = (path for source in _SOURCES for path in (_TOP / source).rglob("*") if path.is_file())
    for path in sorted(path for path in files if path.suffix != ".pyc"):
        digest.update(str(path.relative_to(_TOP)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
