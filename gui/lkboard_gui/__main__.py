"""``lkboard-gui`` starts here, so that a missing Qt is a sentence and not a traceback."""

from __future__ import annotations

import sys


def main() -> int:
    """Show the window, or say what it needs."""
    try:
        from lkboard_gui.app import main as show
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("PySide6"):
            raise
        sys.stderr.write("lkboard-gui: Qt is not installed (install it: pip install 'lkboard[gui]')\n")
        return 1
    return show()


if __name__ == "__main__":
    sys.exit(main())
