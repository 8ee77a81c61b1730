#!/usr/bin/python3
"""What rules add to a call, and how many messages pass in a second. One run, ratios count.

    cargo build --release --workspace
    benches/rules.py [ROUNDS]          # default 50
    benches/rules.py --debug [ROUNDS]  # target/debug: to see that this runs, and to believe no number

Every row has the same echo server by `command`: bare on a pipe, bare behind socat's relay, and under
brig with 0, 10 and 1,000 rules. Rounds are interleaved, 100 calls of 200 bytes each one after the
other. Then each row takes a second, three times, to pass as many calls as it can, written without
waiting; the best counts. Prints microseconds of a round trip, what each row adds to the bare pipe,
messages a second and their ratio to those of the bare pipe to standard error, and all samples as JSON
to standard output. The promise is that brig adds no more than socat does; it exits with 1 where the
fastest tenth under 0 or 10 rules breaks it: the rest tells more of the machine's mood.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from approve import approve

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HELLO = {"jsonrpc": "2.0", "id": 0, "method": "initialize",
         "params": {"protocolVersion": "2025-11-25", "capabilities": {},
                    "clientInfo": {"name": "bench", "version": "0"}}}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "get_note", "arguments": {"path": "/notes/a", "text": "x" * 100}}}
ALL = "".join(f"{right} = true\n" for right in
              ("sampling", "elicitation", "elicitation-url", "roots", "logging"))
SECONDS = 1.0


def line(message):
    return (json.dumps(message, separators=(",", ":")) + "\n").encode()


# Calls with ids of their own: no more of them than this are ever on their way.
BLOCK = 50
BLOCKS = [b"".join(line({**CALL, "id": BLOCK * block + at}) for at in range(1, BLOCK + 1))
          for block in range(2000)]


class Session:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, bufsize=0)
        self.rest = b""
        self.ask(line(HELLO))

    def ask(self, request):
        self.process.stdin.write(request)
        while b"\n" not in self.rest:
            piece = self.process.stdout.read(65536)
            if not piece:
                sys.exit(f"{self.process.args}: it ended ({self.process.wait()})")
            self.rest += piece
        answer, self.rest = self.rest.split(b"\n", 1)
        if b'"error"' in answer or b"isError" in answer:
            sys.exit(f"refused: {answer!r}")

    def flood(self):
        """Messages a second, of both directions together."""
        sent, heard, end, until = [0], 0, b"", time.perf_counter() + SECONDS

        def write():
            while time.perf_counter() < until:
                self.process.stdin.write(BLOCKS[sent[0] // BLOCK % len(BLOCKS)])
                sent[0] += BLOCK
            self.process.stdin.write(line({**CALL, "id": "last"}))

        begun = time.perf_counter()
        writer = threading.Thread(target=write)
        writer.start()
        while True:
            piece = self.process.stdout.read(1 << 20)
            if not piece:
                sys.exit(f"{self.process.args}: it ended ({self.process.wait()})")
            heard += piece.count(b"\n")
            # What is cut between two reads is seen in the second.
            seen = end + piece
            end = piece[-64:]
            if b'"error"' in seen or b"isError" in seen:
                sys.exit(f"refused: {seen[:500]!r}")
            if b'"last"' in seen and piece.endswith(b"\n"):
                break
        took = time.perf_counter() - begun
        writer.join()
        if heard != sent[0] + 1:
            sys.exit(f"{sent[0] + 1} calls and {heard} answers")
        return 2 * heard / took

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def rules(count, tool):
    rule = f'[[tools.rule]]\ntool = "{tool}"\nargument = "/path"\nwithin = "/notes"\n'
    return ('[tools]\nallow = ["get_*", "list_*"]\n'
            + "".join(rule.replace("#", str(at)) for at in range(count)))


def main():
    words = [word for word in sys.argv[1:] if word != "--debug"]
    debug = len(words) < len(sys.argv) - 1
    rounds = int(words[0]) if words else 50
    built = os.path.join(HERE, "target", "debug" if debug else "release")
    brig, echo = (os.path.join(built, name) for name in ("brig", "echo"))
    for path in (brig, echo):
        if not os.path.exists(path):
            sys.exit(f"missing: {path} (see the head of this file)")
    if not shutil.which("socat"):
        sys.exit("missing: socat (scripts/parts installs it)")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        os.environ["XDG_STATE_HOME"] = os.path.join(folder, "state")
        program = shutil.copy(echo, os.path.join(folder, "echo"))

        def under(name, body):
            path = os.path.join(folder, name + ".toml")
            with open(path, "w") as file:
                file.write(f'brig = 1\n[server]\nname = "echo"\ncommand = ["{program}"]\n{body}')
            approve([brig, "run", path], os.environ)
            return [brig, "run", path]

        granted = f"[client]\n{ALL}"
        commands = {
            "bare, pipe": [program],
            "bare, socat relay": ["socat", "-", f"EXEC:{program}"],
            "brig, nothing to read": under("open", granted),
            "brig, 0 rules": under("none", ""),
            "brig, 10 rules": under("ten", rules(10, "get_*")),
            "brig, 1,000 rules of others": under("others", rules(1000, "put_#")),
            "brig, 1,000 rules of the tool": under("thousand", rules(1000, "get_*")),
        }
        sessions = {name: Session(command) for name, command in commands.items()}
        calls = {name: [] for name in commands}
        request = line(CALL)
        for _ in range(rounds):
            for name, session in sessions.items():
                for _ in range(100):
                    begun = time.perf_counter_ns()
                    session.ask(request)
                    calls[name].append((time.perf_counter_ns() - begun) / 1e3)
        floods = {name: [session.flood() for _ in range(3)] for name, session in sessions.items()
                  if "socat" not in name}
        for session in sessions.values():
            session.end()
    tenth = {name: statistics.quantiles(taken, n=10)[0] for name, taken in calls.items()}
    bare, direct = tenth["bare, pipe"], max(floods["bare, pipe"])
    print(f"{'':30} {'median':>8} {'tenth':>8} {'added':>8} us {'messages/s':>12} {'ratio':>6}",
          file=sys.stderr)
    for name, taken in calls.items():
        best = max(floods.get(name, [0]))
        flood = f"{best:12.0f} {best / direct:6.2f}" if best else ""
        print(f"{name:30} {statistics.median(taken):8.1f} {tenth[name]:8.1f} "
              f"{tenth[name] - bare:8.1f}    {flood}", file=sys.stderr)
    json.dump({"calls": calls, "floods": floods}, sys.stdout)
    held = ("brig, nothing to read", "brig, 0 rules", "brig, 10 rules")
    broken = any(tenth[name] > tenth["bare, socat relay"] for name in held)
    sys.exit(broken and not debug)


main()
