#!/usr/bin/python3
"""What a component's cell costs, beside what a user would run instead. One run, ratios count.

    cargo build --release -p brig -p bare-embedding -p units -p echo
    scripts/parts                      # for the SDK-built Node server and socat
    benches/component.py [ROUNDS]      # default 60
    benches/component.py --steps       # where a start's time goes, as benches/native.py does

Rounds are interleaved: every row is measured once in each round, so that the machine's mood is
shared. Prints a table to standard error and all samples as JSON to standard output.

  start      milliseconds from spawn to the reply to `initialize`
  call       microseconds of one tools/call round trip, on a session that stays open
  memory     KiB of PSS over all processes of one server, of 1 and the mean of 50

hyper-mcp is a row where a program of that name is in PATH or $HYPER_MCP names it, and
$HYPER_MCP_PLUGIN names a plugin (a .wasm) for it to load: without one it has nothing to start.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from approve import approve
from native import CELL, steps

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RELEASE = os.path.join(HERE, "target/release")
PARTS = os.environ.get("BRIG_PARTS", os.path.join(HERE, "target/parts"))
HELLO = (json.dumps({
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {},
               "clientInfo": {"name": "bench", "version": "0"}}}) + "\n").encode()
CALL = (json.dumps({
    "jsonrpc": "2.0", "id": 7, "method": "tools/call",
    "params": {"name": "echo", "arguments": {"text": "hello"}}}) + "\n").encode()


def built(name):
    path = os.path.join(RELEASE, name)
    if not os.path.exists(path):
        sys.exit(f"missing: {path} (see the head of this file)")
    return path


class Session:
    def __init__(self, command, env=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, bufsize=0, env=env)

    def ask(self, message):
        self.process.stdin.write(message)
        reply = b""
        while not reply.endswith(b"\n"):
            piece = self.process.stdout.read(65536)
            if not piece:
                sys.exit(f"{self.process.args}: no reply")
            reply += piece
        return reply

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def start(command, env=None):
    begun = time.perf_counter()
    session = Session(command, env)
    reply = session.ask(HELLO)
    took = (time.perf_counter() - begun) * 1e3
    if b"serverInfo" not in reply:
        sys.exit(f"{command}: {reply!r}")
    session.end()
    return took


def tree(pid):
    found = [pid]
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            for child in file.read().split():
                found += tree(int(child))
    except OSError:
        pass
    return found


def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))


def memory(command, count):
    sessions = [Session(command) for _ in range(count)]
    for session in sessions:
        session.ask(HELLO)
    total = sum(pss(pid) for session in sessions for pid in tree(session.process.pid))
    for session in sessions:
        session.end()
    return total / count


def summary(samples):
    ordered = sorted(samples)
    at = lambda share: ordered[min(len(ordered) - 1, int(len(ordered) * share))]
    return {"median": at(0.5), "p90": at(0.9), "min": ordered[0], "samples": samples}


def manifest(folder, name, component):
    path = os.path.join(folder, name + ".toml")
    with open(path, "w") as file:
        file.write(f'brig = 1\n[server]\nname = "{name}"\ncomponent = "{HERE}/{component}"\n')
    return path


WORKER = [("the worker's exec and its libraries", r'__worker'),
          ("the code, mapped and verified", r'mprotect\(.*PROT_EXEC\)'),
          ("the second filter and the guest", r'SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC')]


def hyper_mcp(folder):
    """Its command, or why there is none."""
    program = os.environ.get("HYPER_MCP") or shutil.which("hyper-mcp")
    plugin = os.environ.get("HYPER_MCP_PLUGIN")
    if not program or not shutil.which(program):
        return None, "no hyper-mcp in PATH, and $HYPER_MCP names no program"
    if not plugin or not os.path.isfile(plugin):
        return None, "$HYPER_MCP_PLUGIN names no plugin"
    # Its log would otherwise lie in its user's home.
    os.environ["HYPER_MCP_LOG_PATH"] = folder
    config = os.path.join(folder, "hyper-mcp.json")
    with open(config, "w") as file:
        json.dump({"plugins": {"measured": {"url": f"file://{os.path.abspath(plugin)}"}}}, file)
    return [program, "--config-file", config], None


def measure_start(folder, rounds, missing):
    embedding, brig = built("bare-embedding"), built("brig")
    units = os.path.join(HERE, "examples/units/units.wasm")
    code = os.path.join(folder, "units.cwasm")
    subprocess.run([embedding, "compile", units, code], check=True, stdout=subprocess.DEVNULL)
    peers = os.path.join(HERE, "tests/peers")
    server = [brig, "run", manifest(folder, "units", "examples/units/units.wasm")]
    approve(server, os.environ)
    rows = {
        "bare program": ([built("units")], False),
        "bare embedding, warm": ([embedding, code], False),
        "brig component, warm": (server, False),
        "bare embedding, cold": ([embedding, units], False),
        "brig component, cold": (server, True),
        "Python echo": (["/usr/bin/python3", f"{peers}/echo.py"], False),
        "Node echo": (["node", f"{peers}/echo.mjs"], False),
    }
    sdk = f"{peers}/sdk_server.mjs"
    if os.path.exists(os.path.join(PARTS, "node")):
        rows["Node SDK server"] = (["node", sdk], False)
    hyper, why = hyper_mcp(folder)
    try:
        if hyper:
            start(hyper)
            rows["hyper-mcp"] = (hyper, False)
    except SystemExit as ended:
        # What does not start here is no reason to measure nothing else.
        why = str(ended)
    if why:
        missing["hyper-mcp"] = why
    samples = {name: [] for name in rows}
    for index in range(rounds):
        for name, (command, cold) in rows.items():
            # The slow rows are measured in every fourth round: they need no precision.
            if index % 4 and name in ("Node SDK server", "brig component, cold",
                                      "bare embedding, cold", "Node echo"):
                continue
            cache = tempfile.mkdtemp(dir=folder)
            env = dict(os.environ, XDG_CACHE_HOME=cache, BRIG_PARTS=PARTS) if cold \
                else dict(os.environ, BRIG_PARTS=PARTS)
            samples[name].append(start(command, env))
            shutil.rmtree(cache)
    return {name: summary(values) for name, values in samples.items()}


def measure_calls(folder, rounds):
    embedding, brig = built("bare-embedding"), built("brig")
    code = os.path.join(folder, "echo.cwasm")
    component = "tests/guests/echo/echo.wasm"
    subprocess.run([embedding, "compile", os.path.join(HERE, component), code], check=True,
                   stdout=subprocess.DEVNULL)
    commands = {
        "bare program, pipe": [built("echo")],
        "bare program, socat relay": ["socat", "-", f"EXEC:{built('echo')}"],
        "bare embedding, pipe": [embedding, code],
        "bare embedding, socat relay": ["socat", "-", f"EXEC:{embedding} {code}"],
        "brig component": [brig, "run", manifest(folder, "echo", component)],
    }
    approve(commands["brig component"], os.environ)
    sessions = {name: Session(command) for name, command in commands.items()}
    for session in sessions.values():
        session.ask(HELLO)
    samples = {name: [] for name in commands}
    for _ in range(rounds):
        for name, session in sessions.items():
            for _ in range(100):
                begun = time.perf_counter_ns()
                session.ask(CALL)
                samples[name].append((time.perf_counter_ns() - begun) / 1e3)
    for session in sessions.values():
        session.end()
    return {name: summary(values) for name, values in samples.items()}


def measure_memory(folder):
    commands = {
        "bare embedding": [built("bare-embedding"), os.path.join(folder, "units.cwasm")],
        "brig component": [built("brig"), "run", os.path.join(folder, "units.toml")],
    }
    return {name: {"one": memory(command, 1), "mean of 50": memory(command, 50)}
            for name, command in commands.items()}


def show_steps(folder):
    """Of a start with a warm cache."""
    path = manifest(folder, "units", "examples/units/units.wasm")
    server = [built("brig"), "run", path]
    approve(server, os.environ)
    start(server)
    steps(server[0], path, CELL + WORKER)


def main():
    folder, missing = tempfile.mkdtemp(prefix="brig-bench-"), {}
    os.environ["XDG_STATE_HOME"] = os.path.join(folder, "state")
    try:
        if "--steps" in sys.argv:
            return show_steps(folder)
        rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
        result = {"start": measure_start(folder, rounds, missing),
                  "call": measure_calls(folder, rounds), "memory": measure_memory(folder),
                  "missing": missing, "load": os.getloadavg(), "processors": os.cpu_count()}
    finally:
        shutil.rmtree(folder)
    for part, unit in (("start", "ms"), ("call", "us")):
        print(f"{part:32} {'median':>9} {'p90':>9} {'min':>9}  {unit}", file=sys.stderr)
        for name, row in result[part].items():
            print(f"  {name:30} {row['median']:9.2f} {row['p90']:9.2f} {row['min']:9.2f}",
                  file=sys.stderr)
    print(f"{'memory':32} {'one':>9} {'of 50':>9}  KiB PSS", file=sys.stderr)
    for name, row in result["memory"].items():
        print(f"  {name:30} {row['one']:9.0f} {row['mean of 50']:9.0f}", file=sys.stderr)
    for name, why in missing.items():
        print(f"{name}: not measured: {why}", file=sys.stderr)
    json.dump(result, sys.stdout)
    print()


if __name__ == "__main__":
    main()
