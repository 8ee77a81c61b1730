"""An MCP server without an SDK that does what other bridges have stumbled over, by its methods."""

import json
import os
import sys

held = set()


def write(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say(**message):
    write(json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")))


def last(id, size):
    """An answer of exactly so many bytes, and the end before anybody can have read it."""
    answer = {"jsonrpc": "2.0", "id": id, "result": ""}
    pad = size - len(json.dumps(answer, separators=(",", ":")))
    say(id=id, result="x" * pad)
    os._exit(0)


def take(id, method, params):
    if method == "hold":
        held.add(json.dumps(id))
    elif method == "notifications/cancelled":
        if json.dumps(params["requestId"]) in held:
            say(method="vendor/cancelled", params=params)
    elif method == "write":
        for text in params["lines"]:
            write(text)
    elif method == "last":
        last(id, params["bytes"])
    elif method == "log":
        for text in params["lines"]:
            print(text, file=sys.stderr, flush=True)
        say(id=id, result={})
    elif method == "server/discover":
        say(id=id, error={"code": -32601, "message": "Method not found"})
    elif id is not None and method is not None:
        say(id=id, result={"method": method})


sys.stdout.reconfigure(encoding="utf-8")
sys.stderr.reconfigure(encoding="utf-8")
for line in sys.stdin:
    message = json.loads(line)
    take(message.get("id"), message.get("method"), message.get("params", {}))
