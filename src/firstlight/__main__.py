"""`python -m firstlight` is the same as the command `firstlight`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# `python -m` puts the working folder in front of every library, and it may be a stranger's data set with a torch.py.
if Path(__file__).parents[1].resolve() != Path.cwd().resolve():
    sys.path[:] = [place for place in sys.path if place and os.path.realpath(place) != os.path.realpath(".")]

from firstlight.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
