#!/usr/bin/python3
"""What a program's cell costs at its start, beside bubblewrap. One run, ratios count.

    cargo build --release -p brig -p echo
    benches/native.py [ROUNDS]         # default 100

Every row starts the same echo server: bare, in bubblewrap with the same namespaces, and in brig by
`command`. Rounds are interleaved. Prints milliseconds from spawn to the reply to `initialize` to
standard error, with what each row adds to the bare program, and all samples as JSON to standard
output. `--steps` prints where brig's milliseconds go instead, by strace(1), which itself takes most
of them: shares count there, and not times.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from approve import approve

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RELEASE = os.path.join(HERE, "target/release")
HELLO = (json.dumps({
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {},
               "clientInfo": {"name": "bench", "version": "0"}}}) + "\n").encode()


def start(command):
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, bufsize=0)
    process.stdin.write(HELLO)
    reply = process.stdout.read(65536)
    took = (time.perf_counter() - begun) * 1e3
    process.stdin.close()
    process.wait()
    if b"serverInfo" not in reply:
        sys.exit(f"{command}: {reply!r}")
    return took


# Where the course of a start is, by what strace(1) shows first of each part.
CELL = [("the supervisor reads and decides", r'execve\("[^"]*brig"'),
        ("the warden's exec", r'__warden'),
        ("control groups", r'mkdir\("/sys/fs/cgroup'),
        ("namespaces", r'clone3\(\{flags=CLONE_PIDFD'),
        ("root and mounts", r'mkdirat\('),
        ("init's exec, its checks, the program's filter", r'execve\("/\.brig/init')]
PROGRAM = [("the program's exec and start", r'execve\("(?!/\.brig|/proc)[^"]*echo"')]


def steps(brig, manifest, marks):
    """Shares of the time between marks of the course, over all processes."""
    with tempfile.NamedTemporaryFile() as trace:
        command = ["strace", "-f", "-ttt", "-s", "200", "-o", trace.name, brig, "run", manifest]
        subprocess.run(command, input=HELLO, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        lines = open(trace.name).read().splitlines()
    at, times = 0, []
    for name, pattern in marks:
        while at < len(lines) and not re.search(pattern, lines[at]):
            at += 1
        if at == len(lines):
            sys.exit(f"no mark for {name}")
        times.append(float(lines[at].split()[1]))
    replied = next(float(line.split()[1]) for line in lines if 'serverInfo' in line)
    ends = times[1:] + [replied]
    total = ends[-1] - times[0]
    for (name, _), begun, end in zip(marks, times, ends):
        print(f"{name:48} {(end - begun) / total:6.1%}", file=sys.stderr)


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    rounds = int(words[0]) if words else 100
    brig, echo = (os.path.join(RELEASE, name) for name in ("brig", "echo"))
    for path in (brig, echo):
        if not os.path.exists(path):
            sys.exit(f"missing: {path} (see the head of this file)")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(echo, os.path.join(folder, "echo"))
        manifest = os.path.join(folder, "brig.toml")
        with open(manifest, "w") as file:
            file.write(f'brig = 1\n[server]\nname = "echo"\ncommand = ["{program}"]\n')
        os.environ["XDG_STATE_HOME"] = os.path.join(folder, "state")
        approve([brig, "run", manifest], os.environ)
        if "--steps" in sys.argv:
            return steps(brig, manifest, CELL + PROGRAM)
        links = [word for at in ("bin", "lib", "lib64") if os.path.islink("/" + at)
                 for word in ("--symlink", "usr/" + at, "/" + at)]
        rows = {
            "bare": [program],
            "bubblewrap": ["bwrap", "--ro-bind", "/usr", "/usr", *links, "--proc", "/proc",
                           "--dev", "/dev", "--tmpfs", "/tmp", "--ro-bind", program, program,
                           "--unshare-all", "--die-with-parent", "--new-session", program],
            "brig": [brig, "run", manifest],
        }
        samples = {name: [] for name in rows}
        for _ in range(rounds):
            for name, command in rows.items():
                samples[name].append(start(command))
    bare = {"median": statistics.median(samples["bare"]), "least": min(samples["bare"])}
    print(f"{'':12} {'median':>8} {'added':>8} {'least':>8} {'added':>8}   ms", file=sys.stderr)
    for name, taken in samples.items():
        median, least = statistics.median(taken), min(taken)
        print(f"{name:12} {median:8.2f} {median - bare['median']:8.2f} {least:8.2f} "
              f"{least - bare['least']:8.2f}", file=sys.stderr)
    json.dump(samples, sys.stdout)


if __name__ == "__main__":
    main()
