"""An MCP server without an SDK whose one tool runs a program and tells how it ended."""

import json
import os
import subprocess
import sys
import time

SCHEMA = {"type": "object", "required": ["words"]}
TOOL = {"name": "run", "description": "Runs a program", "inputSchema": SCHEMA}
HELLO = {"capabilities": {"tools": {}}, "serverInfo": {"name": "run", "version": "1"}}


def run(words, variables=None, seconds=20):
    started = time.monotonic()
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds,
            env=dict(os.environ) | (variables or {}),
        )
        code, out, err = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        code, out, err = "late", late.stdout or b"", late.stderr or b""
    except OSError as error:
        code, out, err = "absent", b"", str(error).encode()
    text = lambda told: told.decode(errors="replace")
    took = round(time.monotonic() - started, 3)
    return {"code": code, "out": text(out), "err": text(err), "seconds": took}


def answer(method, params):
    if method == "initialize":
        return {"protocolVersion": params["protocolVersion"], **HELLO}
    if method == "tools/list":
        return {"tools": [TOOL]}
    if method == "tools/call":
        told = json.dumps(run(**params["arguments"]))
        return {"content": [{"type": "text", "text": told}]}
    return {}


for line in sys.stdin:
    request = json.loads(line)
    if "id" in request:
        told = {"jsonrpc": "2.0", "id": request["id"]}
        told["result"] = answer(request["method"], request.get("params"))
        print(json.dumps(told), flush=True)
