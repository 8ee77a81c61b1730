"""What it costs to have a child in a control group of version 2, three ways, as root.

Prints medians in microseconds: a child that stays where it is, one that starts in its group
(clone3(2), CLONE_INTO_CGROUP), and one that is moved there by `cgroup.procs`.
"""

import ctypes
import json
import os
import signal
import statistics
import struct
import time
from pathlib import Path

CLONE3, CLONE_INTO_CGROUP = 435, 0x2_0000_0000
ROUNDS = 60

libc = ctypes.CDLL(None, use_errno=True)
group = Path("/sys/fs/cgroup/group-cost")


def child(folder):
    """struct clone_args: flags, four pointers' places, signal, then the group last."""
    flags = CLONE_INTO_CGROUP if folder is not None else 0
    words = [flags, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, folder or 0]
    arguments = ctypes.create_string_buffer(struct.pack("11Q", *words), 88)
    process = libc.syscall(CLONE3, arguments, 88)
    if process == 0:
        time.sleep(10)
        os._exit(0)
    if process < 0:
        raise OSError(ctypes.get_errno(), "clone3")
    return process


def one(way, folder):
    began = time.monotonic()
    process = child(folder if way == "starts there" else None)
    if way == "is moved there":
        (group / "cgroup.procs").write_text(str(process))
    took = time.monotonic() - began
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return took * 1e6


group.mkdir()
folder = os.open(group, os.O_PATH | os.O_DIRECTORY)
times = {"stays": [], "starts there": [], "is moved there": []}
for _ in range(ROUNDS):
    for way, into in times.items():
        into.append(one(way, folder))
        # The kernel's lock for moves is quick again for whoever comes soon after.
        time.sleep(0.05)
group.rmdir()
print(json.dumps({way: round(statistics.median(found)) for way, found in times.items()}))
