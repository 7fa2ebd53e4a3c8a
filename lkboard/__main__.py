"""``python -m lkboard`` is the ``lkboard`` command."""

import sys

from lkboard.cli.main import main

sys.exit(main())
