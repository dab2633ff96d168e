"""What the code was: commit, branch, and the changes that were not committed, without credentials.

A patch may hold anything, so three things keep secrets out of it: files that usually hold them (`.env`, keys)
are left out, a line that looks like a credential is replaced by a sentence, and so is a whole private key.
What looks like ordinary text cannot be told from a secret by any program: `git.redacted_lines` and the file
itself are there to be read before a folder is given away. Remote addresses, which may hold a password, are
not read at all.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

GIT_SECONDS = 8.0  # for all calls together: a repository on a slow disk must not hold up a run (judgement)
PATCH_BYTES = 1_000_000  # a longer patch is cut at a line (judgement)
LONGEST_LINE = 2_000  # longer lines are generated files, which no one reads (judgement)

_LEFT_OUT = (
    ".env*",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.kdbx",
    "id_rsa*",
    "id_ed25519*",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".htpasswd",
    ".git-credentials",
    "*credentials*",
    "*secret*",
    "*.tfvars",
    "*.tfstate",
)

REPLACEMENT = "[firstlight: a line that looks like a credential was left out]"
_WORDS = re.compile(
    r"(?i)(passw(or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|credential|authorization"
    r"|bearer\s|private[ _-]?key|client[_-]?id|webhook|dsn\b|pwd\s*[=:])"
)
_SHAPES = re.compile(
    r"://[^/\s:@]*:[^/\s@]+@"  # a password in an address
    r"|\b(AKIA|ASIA)[0-9A-Z]{12,}|\bgh[pousr]_\w{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}|\bhf_\w{16,}"
    r"|\b[sprk]{2}[-_](live|test|ant|proj)?[-_]?[\w-]{16,}|\bxox[abeprs]-|\bAIza[\w-]{20,}|\bya29\.|\beyJ[\w-]{16,}"
    r"|\bnpm_\w{20,}|\bpypi-[\w-]{16,}|\bSG\.[\w-]{16,}|hooks\.slack\.com|\bdop_v1_\w{16,}|-----BEGIN"
)
_RANDOM_FROM = 24  # letters of a word that may be random
_LONG_WORD = re.compile(r"[A-Za-z0-9+/_=-]{24,}")
_KEY_BEGINS, _KEY_ENDS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    re.compile(r"-----END [A-Z ]*PRIVATE KEY"),
)


def record_git(folder: Path) -> dict[str, Any]:
    """The repository around `folder`, read only.

    Returns:
        commit, branch, dirty, changed (paths), patch (text, without credentials), redacted_lines, patch_cut;
        or commit None and a `note` that says why nothing is known.
    """
    deadline = time.monotonic() + GIT_SECONDS
    try:
        inside = _git(folder, deadline, "rev-parse", "--is-inside-work-tree")
        if inside.strip() != "true":
            return _unknown("not in a work tree of git")
        off = _without_filters(folder, deadline)
        commit = _git(folder, deadline, "rev-parse", "--verify", "--quiet", "HEAD").strip()
        branch = _git(folder, deadline, "rev-parse", "--abbrev-ref", "HEAD").strip()
        status = _git(
            folder,
            deadline,
            *off,
            "status",
            "--porcelain",
            "-z",
            "--no-renames",
            "--untracked-files=no",
            _ALONE,
        )
        changed = sorted(entry[3:] for entry in status.split("\0") if entry)
        without = [f":(exclude,glob,icase)**/{pattern}" for pattern in _LEFT_OUT]
        patch = _git(folder, deadline, *off, *_DIFF, "HEAD", "--", ":/", *without) if changed else ""
    except _GitFailure as failure:
        return _unknown(str(failure))
    cut = len(patch) > PATCH_BYTES
    text, replaced = redacted(patch[:PATCH_BYTES].rpartition("\n")[0] + "\n" if cut else patch)
    return {
        "commit": commit,
        "branch": branch,
        "dirty": bool(changed),
        "changed": changed,
        "patch": text,
        "redacted_lines": replaced,
        "patch_cut": cut,
    }


def redacted(patch: str) -> tuple[str, int]:
    """The patch without lines that look like a credential, and how many were replaced."""
    lines, replaced, in_key = [], 0, False
    for line in patch.split("\n"):
        in_key = in_key or bool(_KEY_BEGINS.search(line))
        if in_key or looks_like_a_secret(line):
            lines.append(f"{line[:1]}{REPLACEMENT}")
            replaced += 1
        else:
            lines.append(line)
        in_key = in_key and not _KEY_ENDS.search(line) and line[:1] in "+- "
    return "\n".join(lines), replaced


def looks_like_a_secret(line: str) -> bool:
    """Whether a line should not be shown. Rather too often than too rarely: a patch is only evidence."""
    if len(line) > LONGEST_LINE or _WORDS.search(line) or _SHAPES.search(line):
        return True
    if line.startswith(("index ", "diff ", "--- ", "+++ ", "@@ ")):
        return False  # git's own lines, with its object names
    return any(_is_random(word) for word in _LONG_WORD.findall(line))


def names_a_secret(name: str) -> bool:
    """Whether an option or a key of this name holds a credential."""
    return _WORDS.search(f"{name}=") is not None


def has_shape_of_a_secret(word: str) -> bool:
    """Whether a word without blanks is a credential by its look alone; a path is none."""
    alone = "/" not in word and len(word) >= _RANDOM_FROM and _is_random(word)
    return alone or _SHAPES.search(word) is not None


def _is_random(word: str) -> bool:
    """A long word of digits with letters of both cases, or of hexadecimal digits: nobody names things so."""
    kinds = (any(c.isdigit() for c in word), any(c.islower() for c in word), any(c.isupper() for c in word))
    return all(kinds) or re.fullmatch(r"(?=.*\d)[0-9a-fA-F]{32,}", word) is not None


# No program that the repository's own settings name is run.
_ALONE = "--ignore-submodules=all"  # each of them has settings of its own
_DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", _ALONE)
_OF_THE_USER = ("system", "global", "command")
_FILTERS = r"^filter\..*\.(clean|smudge|process|required)$"
_QUIET = ("-c", "core.fsmonitor=false", "-c", "core.quotepath=false", "-c", "core.hooksPath=/dev/null")
# A partial clone would fetch what it lacks, through a connection or a program that its settings name.
_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",  # from git 2.45 on
    "GIT_ALLOW_PROTOCOL": "none",
    "LC_ALL": "C",
}


class _GitFailure(Exception):
    """git is missing, slow, or has no answer; the text says which."""


def _git(folder: Path, deadline: float, *arguments: str) -> str:
    settings = os.environ | _ENVIRONMENT
    try:
        done = subprocess.run(
            ["git", *_QUIET, "-C", str(folder), *arguments],
            capture_output=True,
            timeout=max(0.1, deadline - time.monotonic()),
            check=False,
            stdin=subprocess.DEVNULL,
            env=settings,
        )
    except FileNotFoundError:
        raise _GitFailure("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise _GitFailure(f"git did not answer within {GIT_SECONDS:g} s") from None
    except OSError as error:
        raise _GitFailure(f"git could not be started: {error.strerror}") from None
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "backslashreplace")
    said = done.stderr.decode("utf-8", "backslashreplace")
    if "not a git repository" in said:
        raise _GitFailure("not a git repository")
    if "dubious ownership" in said:
        raise _GitFailure("the repository belongs to another user, and git refuses to read it")
    if "--verify" in arguments:
        raise _GitFailure("the repository has no commit yet")
    raise _GitFailure(f"git {arguments[0]} failed with code {done.returncode}")


def _without_filters(folder: Path, deadline: float) -> list[str]:
    """Settings that switch off the filters which the repository itself names: status and diff would run them.

    A repository may have come with the data. Filters that the user or the system set up stay.
    """
    try:
        told = _git(folder, deadline, "config", "-z", "--show-scope", "--name-only", "--get-regexp", _FILTERS)
    except _GitFailure as failure:
        if str(failure).endswith("code 1"):  # there are none
            return []
        raise
    words = told.split("\0")
    own = [key for scope, key in zip(words[::2], words[1::2], strict=False) if scope not in _OF_THE_USER]
    if any("=" in key for key in own):
        raise _GitFailure("the repository's settings name a filter that cannot be switched off")
    return [word for key in own for word in ("-c", f"{key}=")]


def _unknown(note: str) -> dict[str, Any]:
    return {"commit": None, "note": note}
