"""`python -m firstlight` is the same as the command `firstlight`."""

from __future__ import annotations

import sys

from firstlight.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
