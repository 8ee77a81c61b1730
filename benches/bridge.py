#!/usr/bin/python3
"""What brig's bridge costs, loses and holds, beside socat's relay. One run, ratios count.

    cargo build --release --workspace
    scripts/parts                      # socat
    benches/bridge.py [ROUNDS]         # default 30
    benches/bridge.py --calls          # which system calls the supervisor makes for 2,000 calls
    benches/bridge.py --memory         # what it holds before and after long messages

Every row has the same echo server: bare on a pipe, behind `socat - EXEC:`, in a native cell, and as
a component, which has beside it the same component in wasmtime alone, on a pipe and behind socat.
Rounds are interleaved.

  call, one processor  microseconds of one tools/call round trip, on a session that stays open, where
                   client, relay and server share a processor: what is added is what the relay does
  call             the same where the kernel places them, and a wake-up of another processor, of some
                   30 to 70 microseconds, comes or does not come: it says what a user has, and little
                   of the relay
  faults of 5,000  answers that are lost, altered or out of order, of 5,000 calls that are written
                   without waiting, in pieces that end anywhere; one in fifty is longer than a pipe,
                   so that answers come in pieces too
  memory of N MiB  MiB by which the most that the supervisor ever held has grown, once a line of so
                   many was written to it: one of 16 MiB passes and comes back, one of 64 is refused

Prints medians to standard error, and all samples as JSON to standard output.
"""

import json
import os
import random
import selectors
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from approve import approve
from component import HELLO, HERE, Session, built, manifest
from tracing import show_calls

CALLS, ROUND_CALLS, PIECE_BYTES_MAX, SILENT_S = 5000, 100, 100_000, 30
LIMIT_MIB, OVER_MIB, ANSWER_MORE_BYTES = 16, 64, 1024
SIZES = (LIMIT_MIB, OVER_MIB)
CALL, ONE = "call", "call, one processor"
FAULTS, MEMORY = f"faults of {CALLS:,}", "memory of {} MiB"
BARE, SOCAT, NATIVE, COMPONENT = "bare", "socat relay", "brig native", "brig component"
EMBEDDING, EMBEDDING_SOCAT = "bare embedding", "bare embedding, socat relay"
LIMIT = "the limit"


def request(number, text):
    message = {"jsonrpc": "2.0", "id": number, "method": "tools/call",
               "params": {"name": "echo", "arguments": {"text": text}}}
    return (json.dumps(message, separators=(",", ":")) + "\n").encode()


def texts(chance):
    """Short ones, and in fifty one that is longer than what a pipe holds."""
    for number in range(CALLS):
        most = 200_000 if number % 50 == 7 else 400
        yield f"{number} " + "x" * chance.randrange(most)


def write(stream, data, chance):
    at = 0
    while at < len(data):
        end = at + chance.randrange(1, PIECE_BYTES_MAX)
        # What is not taken yet is written with the next piece.
        at += stream.write(data[at:end])


def lines(stream, count):
    """As many lines as come, up to so many."""
    rest, found = [], []
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while len(found) < count and selector.select(SILENT_S):
            piece = stream.read(1 << 20)
            if not piece:
                break
            *whole, last = piece.split(b"\n")
            for line in whole:
                found.append(b"".join([*rest, line]))
                rest = []
            rest.append(last)
    return found


def faults(answers, sent):
    """How many of the calls have no answer that is right and in its place."""
    right = 0
    for (number, text), answer in zip(enumerate(sent), answers):
        try:
            told = json.loads(answer)
            right += told["id"] == number and told["result"]["params"]["arguments"]["text"] == text
        except (ValueError, KeyError, TypeError):
            continue
    return len(sent) - right + max(0, len(answers) - len(sent))


def pipelined(command, seed):
    chance = random.Random(seed)
    sent = list(texts(chance))
    data = b"".join(request(number, text) for number, text in enumerate(sent))
    session = Session(command)
    session.ask(HELLO)
    # A session that ends early has its answers counted, which are too few.
    threading.excepthook = lambda _: None
    writer = threading.Thread(target=write, args=(session.process.stdin, data, chance))
    writer.start()
    answers = lines(session.process.stdout, len(sent))
    if len(answers) < len(sent):
        session.process.kill()
    writer.join()
    session.process.stdin.close()
    answers += [line for line in session.process.stdout.read().split(b"\n") if line]
    session.process.wait()
    return faults(answers, sent)


def most_held(pid):
    """MiB that a process held at most so far (proc(5), VmHWM)."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) / 1024


def long_line(mib):
    """A call of so many MiB, less a little: its answer is a little longer, and is to pass too."""
    return request(1, "x" * ((mib << 20) - ANSWER_MORE_BYTES))


def grown(command, mib):
    session = Session(command)
    session.ask(HELLO)
    session.ask(request(0, "warm"))
    before = most_held(session.process.pid)
    line = long_line(mib)
    chance = random.Random(mib)
    writer = threading.Thread(target=write, args=(session.process.stdin, line, chance))
    writer.start()
    answer = lines(session.process.stdout, 1)
    writer.join()
    passed = answer and b'"result"' in answer[0][:100]
    if not answer or bool(passed) != (mib <= LIMIT_MIB):
        sys.exit(f"{mib} MiB: {answer[0][:300] if answer else 'no answer'!r}")
    after = most_held(session.process.pid)
    session.end()
    return before, after


def commands(folder):
    brig, echo = built("brig"), shutil.copy(built("echo"), os.path.join(folder, "echo"))
    path = os.path.join(folder, "native.toml")
    with open(path, "w") as file:
        file.write(f'brig = 1\n[server]\nname = "echo"\ncommand = ["{echo}"]\n')
    guest, code = "tests/guests/echo/echo.wasm", os.path.join(folder, "echo.cwasm")
    embedding = [built("bare-embedding"), code]
    subprocess.run([embedding[0], "compile", os.path.join(HERE, guest), code], check=True,
                   stdout=subprocess.DEVNULL)
    component = manifest(folder, "component", guest)
    found = {BARE: [echo], SOCAT: ["socat", "-", f"EXEC:{echo}"], NATIVE: [brig, "run", path],
             EMBEDDING: embedding, EMBEDDING_SOCAT: ["socat", "-", f"EXEC:{' '.join(embedding)}"],
             COMPONENT: [brig, "run", component]}
    for name in (NATIVE, COMPONENT):
        approve(found[name], os.environ)
    return found


def calls(found, rounds):
    """Of each row its rounds, each the microseconds of its calls. The first round is to warm up."""
    sessions = {name: Session(command) for name, command in found.items()}
    for session in sessions.values():
        session.ask(HELLO)
    rows, one = {name: [] for name in sessions}, request(1, "hello")
    for index in range(rounds + 1):
        for name, session in sessions.items():
            took = []
            for _ in range(ROUND_CALLS):
                begun = time.perf_counter_ns()
                session.ask(one)
                took.append((time.perf_counter_ns() - begun) / 1e3)
            if index:
                rows[name].append(took)
    for session in sessions.values():
        session.end()
    return rows


def on_one_processor(measure):
    """What a function gives while this process, and whatever it starts, has one processor."""
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(every)})
    try:
        return measure()
    finally:
        os.sched_setaffinity(0, every)


def measured(found, rounds):
    samples = {measure: {} for measure in (FAULTS, *map(MEMORY.format, SIZES))}
    samples[CALL] = calls(found, rounds)
    samples[ONE] = on_one_processor(lambda: calls(found, rounds))
    # These are slow, and every round of them is held to the same.
    for index in range(max(2, rounds // 5)):
        for name in (BARE, NATIVE, COMPONENT):
            samples[FAULTS].setdefault(name, []).append([pipelined(found[name], index)])
        for mib in SIZES:
            before, after = grown(found[NATIVE], mib)
            rows = samples[MEMORY.format(mib)]
            rows.setdefault(NATIVE, []).append([after - before])
            rows.setdefault(LIMIT, []).append([float(LIMIT_MIB)])
    return samples


def show_memory(found):
    for name in (NATIVE, COMPONENT):
        for mib in (1, 4, *SIZES):
            before, after = grown(found[name], mib)
            print(f"{name}, {mib:3} MiB: {before:6.1f} MiB held before, {after:6.1f} after",
                  file=sys.stderr)


def show_bridge_calls(found):
    session, one = Session(found[NATIVE]), request(1, "hello")
    session.ask(HELLO)
    show_calls(session.process.pid, lambda: [session.ask(one) for _ in range(2000)])
    session.end()


def main():
    if not shutil.which("socat"):
        sys.exit("missing: socat (scripts/parts installs it)")
    with tempfile.TemporaryDirectory(prefix="brig-bench-") as folder:
        # The user of the cell runs what is in it.
        os.chmod(folder, 0o755)
        os.environ["XDG_STATE_HOME"] = os.path.join(folder, "state")
        found = commands(folder)
        if "--calls" in sys.argv:
            return show_bridge_calls(found)
        if "--memory" in sys.argv:
            return show_memory(found)
        samples = measured(found, int(sys.argv[1]) if len(sys.argv) > 1 else 30)
    for measure, rows in samples.items():
        for name, rounds in rows.items():
            middle = statistics.median(statistics.median(taken) for taken in rounds)
            print(f"{measure:20} {name:28} {middle:9.2f}", file=sys.stderr)
    json.dump({"samples": samples, "missing": {}}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
