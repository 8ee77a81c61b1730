"""A server of both eras whose tools stand in a file: what it says of them changes with that.

tools.json: {"legacy": [PAGE, ...], "modern": [PAGE, ...], "granted": [TOOL, ...]}. A page is a list of
tools; an era that is not there is not spoken. What is granted is offered to clients that can be
asked to sample. A line that is a string is written as it is, so that JSON that no library writes can
be said too.
"""

import json
import sys

SAID = json.load(open("/said/tools.json"))
ERA = None
GRANTED = False


def answer(id, result):
    print(f'{{"jsonrpc":"2.0","id":{json.dumps(id)},"result":{result}}}', flush=True)


def refuse(id, code):
    error = json.dumps({"code": code, "message": "no"})
    print(f'{{"jsonrpc":"2.0","id":{json.dumps(id)},"error":{error}}}', flush=True)


def page(era, cursor):
    pages = SAID[era]
    at = int(cursor or 0)
    tools = list(pages[at]) if pages else []
    if GRANTED and at == 0:
        tools += SAID.get("granted", [])
    texts = [tool if isinstance(tool, str) else json.dumps(tool) for tool in tools]
    more = {"nextCursor": str(at + 1)} if at + 1 < len(pages) else {}
    rest = "".join(f",{json.dumps(key)}:{json.dumps(value)}" for key, value in more.items())
    kind = ',"resultType":"complete"' if era == "modern" else ""
    return f'{{"tools":[{",".join(texts)}]{rest}{kind}}}'


for line in sys.stdin:
    message = json.loads(line)
    method, id, params = message.get("method"), message.get("id"), message.get("params") or {}
    if id is None or method is None:
        continue
    meta = params.get("_meta") or {}
    if method == "initialize" and "legacy" in SAID:
        ERA = "legacy"
        GRANTED = "sampling" in params.get("capabilities", {})
        answer(id, json.dumps({
            "protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
            "serverInfo": {"name": "said", "version": "1"},
        }))
    elif method == "server/discover" and "modern" in SAID:
        ERA = "modern"
        GRANTED = "sampling" in meta.get("io.modelcontextprotocol/clientCapabilities", {})
        answer(id, json.dumps({
            "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}},
            "resultType": "complete",
        }))
    elif method == "tools/list" and ERA in SAID:
        answer(id, page(ERA, params.get("cursor")))
    elif method == "tools/call" and ERA in SAID:
        text = json.dumps({"content": [{"type": "text", "text": f"called {params.get('name')}"}]})
        answer(id, text)
    else:
        refuse(id, -32601)
