#!/usr/bin/python3
"""What many idle servers take, and whether the next one still starts as fast. One run.

    cargo build --release --workspace
    benches/density.py [ROUNDS [COUNT]]   # default 3 rounds of 200 servers; takes 3 GiB of memory
    benches/density.py --shares           # which of brig's processes takes what, of 20 servers

Starts COUNT servers of examples/units one after the other, leaves all of them idle, looks at their
memory, and ends them: as components under brig, and in a bare embedding, in turn.

  start            milliseconds from spawn to the reply to `initialize`, of the first 20 and last 20
  memory of COUNT  MiB of PSS over all processes of all servers, brig's own among them

Prints medians to standard error, and all samples as JSON to standard output. As root: a cell's
processes are another user's.
"""

import collections
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from approve import approve
from component import HELLO, HERE, Session, built, manifest, pss, tree

EDGE, SHARED, IDLE_S = 20, 20, 1.0
UNITS = "examples/units/units.wasm"
KINDS = ("__warden", "__worker", "__carrier", "/.brig/init")


def commands(folder):
    embedding, code = built("bare-embedding"), os.path.join(folder, "units.cwasm")
    subprocess.run([embedding, "compile", os.path.join(HERE, UNITS), code], check=True,
                   stdout=subprocess.DEVNULL)
    brig = [built("brig"), "run", manifest(folder, "units", UNITS)]
    approve(brig, os.environ)
    found = {"brig component": brig, "bare embedding": [embedding, code]}
    for command in found.values():
        # The first start compiles.
        end(started(command, 1)[0])
    return found


def started(command, count):
    """Sessions, and the milliseconds that each took."""
    sessions, took = [], []
    for _ in range(count):
        begun = time.perf_counter()
        session = Session(command)
        if b"serverInfo" not in session.ask(HELLO):
            sys.exit(f"{command}: no server")
        took.append((time.perf_counter() - begun) * 1e3)
        sessions.append(session)
    return sessions, took


def end(sessions):
    for session in sessions:
        session.process.stdin.close()
    for session in sessions:
        session.process.wait()


def held(sessions):
    """MiB of all processes."""
    time.sleep(IDLE_S)
    return sum(pss(pid) for one in sessions for pid in tree(one.process.pid)) / 1024


def kind_of(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read().decode(errors="replace").split("\0")
    return next((kind.removeprefix("/.brig/").strip("_") for kind in KINDS if kind in words),
                "supervisor")


def show_shares(command):
    sessions, _ = started(command, SHARED)
    time.sleep(IDLE_S)
    shares = collections.Counter()
    for pid in (pid for one in sessions for pid in tree(one.process.pid)):
        shares[kind_of(pid)] += pss(pid) / 1024 / SHARED
    end(sessions)
    for kind, mib in shares.most_common():
        print(f"{kind:12} {mib:7.2f} MiB of PSS a server, of {SHARED}", file=sys.stderr)


def measured(found, rounds, count):
    memory = f"memory of {count}"
    samples = {"start": {}, memory: {}}
    for _ in range(rounds):
        for name, command in found.items():
            sessions, took = started(command, count)
            samples[memory].setdefault(name, []).append([held(sessions)])
            end(sessions)
            for part, values in ((f"first {EDGE}", took[:EDGE]), (f"last {EDGE}", took[-EDGE:])):
                samples["start"].setdefault(f"{name}, {part}", []).append(values)
    return samples


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    rounds, count = (int(word) for word in [*words, *["3", "200"][len(words):]])
    if count < 2 * EDGE:
        sys.exit(f"COUNT is from {2 * EDGE} on, so that the first and the last are others")
    folder = tempfile.mkdtemp(prefix="brig-bench-")
    os.environ["XDG_STATE_HOME"] = os.path.join(folder, "state")
    try:
        found = commands(folder)
        if "--shares" in sys.argv:
            return show_shares(found["brig component"])
        samples = measured(found, rounds, count)
    finally:
        shutil.rmtree(folder)
    for measure, rows in samples.items():
        for name, taken in rows.items():
            middle = statistics.median(statistics.median(one) for one in taken)
            print(f"{measure:14} {name:26} {middle:9.2f}", file=sys.stderr)
    json.dump({"samples": samples, "missing": {}}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
