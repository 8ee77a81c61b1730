"""What a client of the Python SDKs is asked and what it answers, and a session of everything that
the fixtures offer: questions, progress, logs, subscriptions, tasks. As everything.mjs has it.
"""

from typing import Any

import anyio
from pydantic import AnyUrl, RootModel

try:
    import mcp_types as types

    uri_of = str
except ImportError:
    from mcp import types

    uri_of = AnyUrl

# The SDK tells the server that it has left a subscription in a task of its own.
LEAVE_S = 0.5
LOG_LEVEL = "io.modelcontextprotocol/logLevel"
PLAIN = {"string": "said", "integer": 7, "number": 7.5, "boolean": True}


# Without its type a request's params would be sent as an empty object.
Request = types.Request[dict[str, Any], str]


class Anything(RootModel[dict[str, Any]]):
    """A result as it came."""


def filled(field):
    """A value for one field of a form: the same each time."""
    if "default" in field:
        return field["default"]
    if field["type"] == "array":
        items = field["items"]
        return [items["enum"][0] if "enum" in items else items["anyOf"][0]["const"]]
    if "oneOf" in field:
        return field["oneOf"][0]["const"]
    return field["enum"][0] if "enum" in field else PLAIN[field["type"]]


def answers(transcript):
    """The callbacks of a session: each takes down what it is asked."""

    def take(method, params):
        asked = params.model_dump(mode="json", by_alias=True, exclude_none=True)
        transcript.asked.append({"method": method, "params": asked})
        return asked

    async def sample(_, params):
        asked = take("sampling/createMessage", params)
        text = "Heard: " + ",".join(message["content"]["text"] for message in asked["messages"])
        content = {"type": "text", "text": text}
        answer = {"role": "assistant", "content": content, "model": "peer", "stopReason": "endTurn"}
        return types.CreateMessageResult.model_validate(answer)

    async def elicit(_, params):
        asked = take("elicitation/create", params)
        answer = {"action": "accept"}
        if asked.get("mode") != "url":
            fields = asked["requestedSchema"]["properties"].items()
            answer["content"] = {name: filled(field) for name, field in fields}
        return types.ElicitResult.model_validate(answer)

    async def roots(_):
        transcript.asked.append({"method": "roots/list"})
        root = {"uri": "file:///peer/root", "name": "Root"}
        return types.ListRootsResult.model_validate({"roots": [root]})

    return {
        "sampling_callback": sample,
        "elicitation_callback": elicit,
        "list_roots_callback": roots,
    }


def sender(session):
    """Sends any request, and takes any result."""

    def request(method, **params):
        return session.send_request(Request(method=method, params=params), Anything)

    return request


async def lists(transcript, session):
    ref = types.PromptReference(type="ref/prompt", name="test_prompt_with_arguments")
    arguments = {"arg1": "hello", "arg2": "world"}
    data, nothing = uri_of("test://template/123/data"), uri_of("test://nothing")
    for name, awaitable in (
        ("prompts/list", session.list_prompts()),
        ("prompts/get", session.get_prompt(ref.name, arguments)),
        ("resources/list", session.list_resources()),
        ("resources/templates/list", session.list_resource_templates()),
        ("resources/read", session.read_resource(data)),
        ("resources/read nothing", session.read_resource(nothing)),
        ("completion/complete", session.complete(ref, {"name": "arg1", "value": "par"})),
    ):
        await transcript.step(name, awaitable)


async def legacy(transcript, session):
    step, call = transcript.step, session.call_tool
    await step("logging/setLevel", session.set_logging_level("info"))
    await step("logs", call("test_tool_with_logging", {}))
    await session.send_roots_list_changed()
    uri = "test://watched-resource"
    await step("resources/subscribe", session.subscribe_resource(uri_of(uri)))
    await step("touch", call("test_touch", {"uri": uri}))
    await step("resources/unsubscribe", session.unsubscribe_resource(uri_of(uri)))
    await step("touch no more", call("test_touch", {"uri": uri}))
    request = sender(session)

    def start(ms):
        task = {"ttl": 60000}
        return request("tools/call", name="test_task", arguments={"ms": ms}, task=task)

    await step("task", start(100))
    await step("tasks/result", request("tasks/result", taskId="task-1"))
    await step("task to cancel", start(600000))
    await step("tasks/get", request("tasks/get", taskId="task-2"))
    await step("tasks/cancel", request("tasks/cancel", taskId="task-2"))
    await step("tasks/list", request("tasks/list"))
    await step("tasks/get nothing", request("tasks/get", taskId="task-3"))


async def modern(transcript, client):
    step, call = transcript.step, client.call_tool
    await step("logs", call("test_tool_with_logging", {}, meta={LOG_LEVEL: "info"}))
    async with client.listen(tools_list_changed=True) as subscription:
        honored = transcript.plain(subscription.honored)
        transcript.steps.append({"step": "listen", "result": honored})
        await step("change", call("test_trigger_tool_change", {}))
        async for event in subscription:
            transcript.steps.append({"step": "heard", "result": type(event).__name__})
            break
        await step("another change", call("test_trigger_prompt_change", {}))
    await anyio.sleep(LEAVE_S)
    await step("change unheard", call("test_trigger_tool_change", {}))
    request = sender(client.session)

    def start(seconds):
        return request("tools/call", name="slow_compute", arguments={"seconds": seconds})

    await step("task", start(0))
    await step("task to cancel", start(600))
    await step("tasks/get", request("tasks/get", taskId="task-1"))
    await step("tasks/cancel", request("tasks/cancel", taskId="task-2"))
    await step("tasks/get cancelled", request("tasks/get", taskId="task-2"))
    await step("tasks/get nothing", request("tasks/get", taskId="task-3"))


async def everything(transcript, peer, era, asks):
    """`peer` is a session of SDK 1 or a client of SDK 2, which answers what a result asks."""
    await transcript.step("seen", peer.call_tool("test_seen", {}))
    for tool, arguments in asks:
        await transcript.step(f"asks {tool}", peer.call_tool(tool, arguments))
    seen = []

    async def hear(progress, total, message):
        seen.append([progress, total, message])

    heard = peer.call_tool("test_tool_with_progress", {}, progress_callback=hear)
    await transcript.step("progress", heard)
    transcript.steps.append({"step": "progress seen", "result": seen})
    await lists(transcript, peer)
    if era == "legacy":
        await legacy(transcript, getattr(peer, "session", peer))
    else:
        await modern(transcript, peer)
