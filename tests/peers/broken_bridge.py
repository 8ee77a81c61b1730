"""A bridge with one fault of those that others had:  broken_bridge.py FAULT PROGRAM ARGUMENT…

It stands where brig stands, so that a test which has to see the fault is seen to see it.
"""

import json
import os
import subprocess
import sys
import threading
import time

FAULT = sys.argv[1]
server = subprocess.Popen(
    sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
)
pending = []
heard = time.monotonic()


def from_client(line):
    """What the server gets of a line."""
    message = json.loads(line)
    if message.get("method") == "server/discover" and FAULT == "ends at an unknown request":
        os._exit(1)
    if message.get("method") == "notifications/cancelled" and FAULT == "holds a cancellation back":
        while pending:
            time.sleep(0.01)
    if "id" in message and "method" in message:
        pending.append(message["id"])
    return line


def from_server(line):
    """What the client gets of a line."""
    message = json.loads(line)
    if FAULT == "takes the next line for the answer" and pending:
        message = {"jsonrpc": "2.0", "id": pending[0], "result": message.get("result", {})}
        line = json.dumps(message).encode() + b"\n"
    if "error" in message and FAULT == "makes errors anew":
        error = {"code": -32603, "message": f"MCP error: {message['error']['message']}"}
        line = json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}).encode() + b"\n"
    if "method" not in message and pending:
        pending.pop(0)
    return line


def pump_server():
    if FAULT == "ends with the server":
        # Without what its pipe does not hold.
        time.sleep(0.5)
        sys.stdout.buffer.write(os.read(server.stdout.fileno(), 65536))
        sys.stdout.flush()
        os._exit(0)
    for line in server.stdout:
        sys.stdout.buffer.write(from_server(line))
        sys.stdout.flush()


def pump_errors():
    try:
        for line in server.stderr:
            if FAULT == "cuts within a character":
                line = line[:8192].decode().encode()
            sys.stderr.buffer.write(line)
            sys.stderr.flush()
    except (OSError, UnicodeError):
        os._exit(1)


def watch():
    while FAULT == "drops who is silent":
        time.sleep(0.1)
        if time.monotonic() - heard > 1:
            os._exit(1)


for pump in (pump_server, pump_errors, watch):
    threading.Thread(target=pump, daemon=True).start()
for line in sys.stdin.buffer:
    heard = time.monotonic()
    server.stdin.write(from_client(line))
    server.stdin.flush()
server.stdin.close()
sys.exit(server.wait())
