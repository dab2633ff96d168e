"""`python -m firstlight` is the same as the command `firstlight`."""

from __future__ import annotations

import os
import sys


def _forget_the_working_folder() -> None:
    """Takes the working folder out of the places of modules: it may be a stranger's data set with a torch.py.

    `python -m` puts it in front of every library. Nothing may be imported before this.
    """
    try:
        here = os.path.realpath(os.getcwd())
    except OSError:  # it was removed
        return
    if os.path.realpath(os.path.dirname(os.path.dirname(__file__))) != here:
        sys.path[:] = [place for place in sys.path if place and os.path.realpath(place) != here]


_forget_the_working_folder()

from firstlight.cli.app import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
