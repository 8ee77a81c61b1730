"""An MCP server without an SDK that offers two pages of tools, asks its client, and tells what it saw."""

import json
import sys

PAGES = {None: (["list_notes", "delete_all"], "2"), "2": (["get_note", "ask", "seen"], None)}
HELLO = {"capabilities": {"tools": {}, "logging": {}}, "serverInfo": {"name": "asks", "version": "1"}}
META = "io.modelcontextprotocol/clientCapabilities"
seen = {}


def write(message):
    message["jsonrpc"] = "2.0"
    sys.stdout.write(json.dumps(message, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def page(params):
    names, cursor = PAGES[params.get("cursor")]
    tools = [{"name": name, "inputSchema": {"type": "object"}, "vendor": 1.10} for name in names]
    result = {"tools": tools, "ttlMs": 60000, "cacheScope": "public"}
    return {**result, "nextCursor": cursor} if cursor else result


def ask(arguments):
    write({"id": "asked", "method": arguments["method"], "params": arguments.get("params", {})})
    for line in sys.stdin:
        reply = json.loads(line)
        if reply.get("id") == "asked":
            return reply


def call(params):
    name, arguments = params["name"], params.get("arguments", {})
    if name == "delete_all":
        with open("/write/deleted", "w", encoding="utf-8") as file:
            file.write("all")
        found = "deleted"
    elif name == "ask":
        found = ask(arguments)
    elif name == "seen":
        found = seen
    else:
        found = arguments
    return {"content": [], "found": found}


def answer(method, params):
    if method == "initialize":
        seen["initialize"] = params["capabilities"]
        return {"protocolVersion": params["protocolVersion"], **HELLO}
    if method == "server/discover":
        return {"supportedVersions": ["2026-07-28"], "resultType": "complete", **HELLO}
    if method == "tools/list":
        return page(params)
    if method == "tools/call":
        if params.get("_meta", {}).get(META) is not None:
            seen["request"] = params["_meta"][META]
        return call(params)
    return {}


for line in sys.stdin:
    request = json.loads(line)
    if "id" in request and "method" in request:
        write({"id": request["id"], "result": answer(request["method"], request.get("params", {}))})
