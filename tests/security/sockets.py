"""What sockets a tree of processes has open, from /proc alone: an observer that shares no code with the product."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

TABLES = ("tcp", "tcp6", "udp", "udp6", "udplite", "raw", "raw6", "packet")
SOCKET = re.compile(r"socket:\[(\d+)\]")
EVERY_SECONDS = 0.01


def tree(root: int) -> set[int]:
    """The process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        try:
            fields = (
                Path("/proc", entry, "stat").read_text().rpartition(")")[2].split() if entry.isdigit() else []
            )
        except OSError:
            continue
        if fields:
            children.setdefault(int(fields[1]), []).append(int(entry))
    found, waiting = set(), [root]
    while waiting:
        found.add(waiting[-1])
        waiting += children.get(waiting.pop(), [])
    return found


def open_sockets(root: int) -> set[str]:
    """Lines of /proc/net about sockets of the tree: every protocol of the network, listening or connected."""
    inodes = set()
    for process in tree(root):
        try:
            handles = list(Path("/proc", str(process), "fd").iterdir())
        except OSError:
            continue
        for handle in handles:
            try:
                inodes |= set(SOCKET.findall(os.readlink(handle)))
            except OSError:
                continue
    return {line for line in _lines() if inodes and set(line.split()) & inodes}


def _lines() -> list[str]:
    found = []
    for table in TABLES:
        try:
            found += Path("/proc/net", table).read_text().splitlines()[1:]
        except OSError:
            continue
    return [line for line in found if line.split()]


def watched(process: subprocess.Popen[bytes], seconds: float) -> tuple[set[str], int]:
    """Every socket that was seen until the process ended, and how often it was looked."""
    found: set[str] = set()
    looks, until = 0, time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < until:
        found |= open_sockets(process.pid)
        looks += 1
        time.sleep(EVERY_SECONDS)
    return found, looks
