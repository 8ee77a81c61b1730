"""Keeps one engine for as long as the tests run, and ends whatever it has left then.

    unshare --mount --propagation slave python3 keeper.py FOLDER GROUPS PROGRAM ARGUMENT...

What the engine starts stays below this process, and what it mounts stays in this mount namespace.
A line of input is an order: `start`, `stop` as a service manager does, or `crash`. Each is answered
by a line: the engine's process id. The end of input is the end of the tests, however they end.
Then nothing is left of the engine: no process, no FOLDER, no control group of one of the names
GROUPS. Files in FOLDER/etc stand for those of /etc, here alone.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
# Longer than an engine gives its containers.
STOP_SECONDS = 30
# Until the kernel has let go of a killed process.
GROUP_SECONDS = 5
# Where engines and their runtimes keep something, whatever they are told. It is theirs alone here.
KEPT = (
    "/etc/docker",
    "/opt/containerd",
    "/run/containerd",
    "/run/containers",
    "/run/crun",
    "/run/docker",
    "/run/runc",
    "/var/lib/containers",
)

folder, groups, engine = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]


def reap(*_):
    """At once, as init does: engines take a process that nobody waits for as one that runs."""
    while True:
        try:
            process, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if process == 0:
            return


def below(process):
    """The descendants of a process, children before grandchildren."""
    found = [process]
    for process in found:
        try:
            for task in os.listdir(f"/proc/{process}/task"):
                with open(f"/proc/{process}/task/{task}/children", encoding="ascii") as children:
                    found += map(int, children.read().split())
        except OSError:
            continue
    return found[1:]


def words(process):
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


def kill(process, number):
    try:
        os.kill(process, number)
    except ProcessLookupError:
        pass


def start():
    log = (os.POSIX_SPAWN_OPEN, 1, f"{folder}/log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    streams = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), log]
    streams.append((os.POSIX_SPAWN_DUP2, 1, 2))
    # Python ignores it, which a program would inherit.
    defaults = [signal.SIGPIPE]
    return os.posix_spawnp(
        engine[0], engine, os.environ, file_actions=streams, setsigdef=defaults
    )


def stop(process):
    signal_all(process, signal.SIGTERM, signal.SIGKILL)


def crash(process):
    signal_all(process, signal.SIGKILL)


def signal_all(process, *signals):
    """A user's engine is two processes of the same words, of which the first does not always tell
    the second. Containers have other words."""
    own = words(process)
    if not own:
        # It has ended before.
        return
    left = [other for other in below(os.getpid()) if words(other) == own]
    for number in signals:
        for other in left:
            kill(other, number)
        until = time.monotonic() + STOP_SECONDS
        while left and time.monotonic() < until:
            time.sleep(0.005)
            left = [other for other in left if os.path.exists(f"/proc/{other}")]
    if left:
        raise TimeoutError(f"an engine does not end: {left}")


def end_all():
    while left := below(os.getpid()):
        for process in left:
            kill(process, signal.SIGKILL)
        time.sleep(0.005)


def mount(source, point):
    subprocess.run(["mount", "--bind", source, point], check=True)


def mount_all():
    for kept in KEPT:
        own = f"{folder}/kept{kept}"
        os.makedirs(own)
        # It stays there, empty, as others who begin or end now may mount over it too.
        os.makedirs(kept, exist_ok=True)
        mount(own, kept)
    for name in os.listdir(f"{folder}/etc"):
        mount(f"{folder}/etc/{name}", f"/etc/{name}")


def unmount_all():
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
        points = [line.split(" ")[4] for line in mounts]
    for point in reversed(points):
        if point.startswith((f"{folder}/", *KEPT)):
            subprocess.run(["umount", "--lazy", point], check=True)


def remove_groups():
    """What the engine ended may not have left its group yet; `libpod_parent` may be another's."""
    until = time.monotonic() + GROUP_SECONDS
    while left := list(map(is_removed, own_groups())):
        if all(left) or time.monotonic() > until:
            return
        time.sleep(0.05)


def own_groups():
    for at, _, _ in os.walk("/sys/fs/cgroup", topdown=False):
        if any(part in groups for part in at.split("/")):
            yield at


def is_removed(at):
    try:
        os.rmdir(at)
    except OSError:
        return False
    return True


def serve():
    """Does what the tests order, until they end."""
    process = 0
    for order in sys.stdin:
        if order == "start\n":
            process = start()
        elif order == "stop\n":
            stop(process)
        elif order == "crash\n":
            crash(process)
        print(process, flush=True)
    if process:
        stop(process)


def main():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGCHLD, reap)
    try:
        serve()
    finally:
        # Also where nobody is left to read an answer.
        end_all()
        # From here on, who starts a program waits for it.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        unmount_all()
        remove_groups()
        shutil.rmtree(folder)


mount_all()
main()
