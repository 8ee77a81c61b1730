"""The official Python SDK as a client, one whole session, told as one line of JSON.

    python_client.py '["server", "argument"]' [legacy | modern]

Runs under `mcp` 1.x (legacy only) and 2.x. What it prints depends on the server and the SDK alone:
no times, no process ids, sorted keys. So the transcript of a server under brig can be compared
with that of the same server run bare. The calls are in calls.json, by the server's own name.
"""

import json
import os
import sys
from pathlib import Path

import anyio
import mcp
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from pydantic import ValidationError
from python_everything import answers, everything

try:
    from mcp import Client, MCPError
    from mcp.client import advertise
    import mcp_types as types

    TASKS = advertise("io.modelcontextprotocol/tasks", {})
except ImportError:
    from mcp import McpError as MCPError, types

    Client = None

CALLS = json.loads(Path(__file__).with_name("calls.json").read_text())
CANCEL_AFTER_S = 0.3


class Transcript:
    """What the client has seen, in order."""

    def __init__(self):
        self.steps = []
        self.asked = []
        self.stray = []
        self.plain = plain

    async def step(self, name, awaitable):
        """Waits for a result, which may be an error, and takes it down."""
        try:
            result = await awaitable
        except MCPError as error:
            self.steps.append({"step": name, "error": plain(error.error)})
        except ValidationError as error:
            # SDK 2 knows no task of the legacy era as the result of a call.
            self.steps.append({"step": name, "unreadable": error.errors(include_url=False)})
        else:
            self.steps.append({"step": name, "result": plain(result)})
            return result

    async def handle(self, message):
        """Takes down what no request has asked for."""
        if isinstance(message, Exception):
            self.stray.append(type(message).__name__)
        else:
            self.stray.append(plain(message))


def plain(value):
    """A message of the SDK as JSON."""
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


class Processes:
    """Takes down how the servers end, which the SDK does not tell."""

    def __init__(self):
        self.started = []
        self.open_process = anyio.open_process
        anyio.open_process = self.open

    async def open(self, *args, **kwargs):
        process = await self.open_process(*args, **kwargs)
        self.started.append(process)
        return process

    def ends(self):
        return [process.returncode for process in self.started]


async def converse(session, name, era, transcript, peer):
    """Everything between the handshake and the end; `peer` is what answers a result that asks."""
    await transcript.step("tools/list", session.list_tools())
    chosen = CALLS[name]
    for tool, arguments in chosen["calls"]:
        await transcript.step(f"tools/call {tool}", session.call_tool(tool, arguments))
    if era == "legacy":
        await transcript.step("ping", session.send_ping())
    unknown = types.Request(method="vendor/unknown", params=None)
    await transcript.step("unknown", session.send_request(unknown, types.EmptyResult))
    if "asks" in chosen:
        await everything(transcript, peer, era, chosen["asks"][era])
    if chosen["long"]:
        await cancel(session, *chosen["long"], transcript)
    tool, arguments = chosen["calls"][0]
    await transcript.step("after", session.call_tool(tool, arguments))


async def cancel(session, tool, arguments, transcript):
    """Starts a long call and gives it up."""
    ended = False

    async def call():
        nonlocal ended
        await session.call_tool(tool, arguments)
        ended = True

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await anyio.sleep(CANCEL_AFTER_S)
        if Client is None:
            # SDK 1 forgets a call that is given up without a word; 2 tells the server.
            params = types.CancelledNotificationParams(requestId=session._request_id - 1)
            notification = types.CancelledNotification(
                method="notifications/cancelled", params=params
            )
            await session.send_notification(types.ClientNotification(notification))
        group.cancel_scope.cancel()
    transcript.steps.append({"step": "cancel", "ended": ended})


async def session_1(server, transcript):
    async with stdio_client(server) as (read, write):
        callbacks = {"message_handler": transcript.handle, **answers(transcript)}
        async with ClientSession(read, write, **callbacks) as session:
            greeting = await transcript.step("initialize", session.initialize())
            await converse(session, greeting.serverInfo.name, "legacy", transcript, session)


async def session_2(server, era, transcript):
    mode = "auto" if era == "modern" else "legacy"
    callbacks = {"message_handler": transcript.handle, **answers(transcript)}
    async with Client(server, mode=mode, extensions=[TASKS], **callbacks) as client:
        session = client.session
        greeting = session.discover_result if era == "modern" else session.initialize_result
        transcript.steps.append({"step": "greeting", "result": plain(greeting)})
        transcript.steps.append({"step": "version", "result": client.protocol_version})
        await converse(session, client.server_info.name, era, transcript, client)


async def main(command, era):
    server = StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))
    transcript, processes = Transcript(), Processes()
    if Client is not None:
        await session_2(server, era, transcript)
    elif era == "legacy":
        await session_1(server, transcript)
    else:
        sys.exit("mcp 1.x speaks no modern era")
    told = {"steps": transcript.steps, "asked": transcript.asked, "stray": transcript.stray}
    print(json.dumps({**told, "ends": processes.ends()}, sort_keys=True))


if __name__ == "__main__":
    anyio.run(main, json.loads(sys.argv[1]), (sys.argv[2:] or ["legacy"])[0])
