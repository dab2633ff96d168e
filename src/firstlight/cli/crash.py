"""What no one foresaw: the traceback goes to a file, the person gets three lines that name it."""

from __future__ import annotations

import contextlib
import errno
import sys
import tempfile
import traceback
from pathlib import Path

from firstlight.errors import FirstlightError, ResourceError
from firstlight.machine.memory import out_of_memory

# The operating system's ways to say that the disk or a limit of the machine is reached, or that a file which was
# there is out of reach: somebody took the folder away, its rights, or the server that holds it.
_RESOURCE_ERRORS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EROFS,
        errno.ENOMEM,
        errno.EMFILE,
        errno.ENFILE,
        errno.EIO,
        errno.EACCES,
        errno.EPERM,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.ESTALE,
    }
)


def explain_crash(error: Exception, arguments: list[str], *, debug: bool) -> FirstlightError:
    """Records the traceback and gives three lines: exit 4 for a limit of the machine, else exit 1.

    Args:
        error: The exception as it reached the top.
        arguments: The command line, for the record.
        debug: Show the traceback on stderr too.
    """
    text = "".join(traceback.format_exception(error))
    if debug:
        print(text, file=sys.stderr)
    place = _record(text, arguments)
    said = f"{type(error).__name__}: {error}".split("\n", 1)[0]
    if isinstance(error, OSError) and error.errno in _RESOURCE_ERRORS:
        return ResourceError(
            "the disk or a limit of the system is in the way",
            f"{said} (details in {place})",
            "make room, raise the limit or give the rights back, then give the command again",
        )
    if out_of_memory(error):
        return ResourceError(
            "the memory does not suffice",
            f"{said} (details in {place})",
            "lower training.batch_size or data.image_size, or end other programs",
        )
    return FirstlightError(
        f"internal error, which is a bug of firstlight: {said}",
        f"the traceback is in {place}",
        "please report it with that file; nothing that was finished before is lost",
    )


def _record(text: str, arguments: list[str]) -> Path | str:
    from firstlight.watch.log import LogFile, last_log

    log = last_log() or _log_of_argument(arguments)
    if log is not None:
        file = LogFile(log)
        with contextlib.suppress(FirstlightError):  # setup removed the folder when it failed
            file.trace(text)
            if file.failure is None:
                return log
    try:
        with tempfile.NamedTemporaryFile(
            "w",
            prefix="firstlight-",
            suffix=".log",
            encoding="utf-8",
            errors="backslashreplace",
            delete=False,
        ) as temporary:
            temporary.write(f"firstlight {arguments!r}\n{text}")
            return Path(temporary.name)
    except OSError as failure:
        return f"no file, since none can be written ({failure.strerror}); --debug shows it"


def _log_of_argument(arguments: list[str]) -> Path | None:
    """The log of the experiment that the command line names, if there is one."""
    from firstlight.experiment.folder import Folder

    for argument in arguments[1:]:
        if Folder(Path(argument)).log.is_file():
            return Folder(Path(argument)).log
    return None
