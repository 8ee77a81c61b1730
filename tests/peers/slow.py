"""A server that takes its time: `slow.py START CALL`, in milliseconds, before its first reply and
before each further one."""

import json
import sys
import time

start, call = (float(word) / 1e3 for word in sys.argv[1:])
wait = start
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    # Until then, and not for as long: what a sleep takes beyond what was asked for is no secret.
    until = time.perf_counter() + wait
    time.sleep(wait)
    while time.perf_counter() < until:
        pass
    wait = call
    result = {}
    if asked["method"] == "initialize":
        result = {"protocolVersion": asked["params"]["protocolVersion"], "capabilities": {},
                  "serverInfo": {"name": "slow", "version": "1"}}
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
