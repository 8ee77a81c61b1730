// What a client is asked and what it answers, and a session of everything that the fixtures offer:
// questions, progress, logs, subscriptions, tasks.

export const capabilities = {
  elicitation: { form: {}, url: {} },
  extensions: { "io.modelcontextprotocol/tasks": {} },
  roots: { listChanged: true },
  sampling: {},
};

// A value for one field of a form: the same each time.
function filled({ type, enum: options, oneOf, default: usual, items }) {
  if (usual !== undefined) {
    return usual;
  }
  const titled = oneOf ?? items?.anyOf;
  const one = options?.[0] ?? items?.enum?.[0] ?? titled?.[0].const;
  const plain = { string: "said", integer: 7, number: 7.5, boolean: true };
  return type === "array" ? [one] : (one ?? plain[type]);
}

export const answers = {
  "sampling/createMessage": ({ messages }) => {
    const text = `Heard: ${messages.map(({ content }) => content.text).join()}`;
    const content = { type: "text", text };
    return { role: "assistant", content, model: "peer", stopReason: "endTurn" };
  },
  "elicitation/create": ({ mode, requestedSchema }) => {
    if (mode === "url") {
      return { action: "accept" };
    }
    const fields = Object.entries(requestedSchema.properties);
    const content = Object.fromEntries(fields.map(([name, field]) => [name, filled(field)]));
    return { action: "accept", content };
  },
  "roots/list": () => ({ roots: [{ uri: "file:///peer/root", name: "Root" }] }),
};

// Sees how far a call is, and ends with what it had seen.
async function progress(call) {
  const seen = [];
  const onprogress = (progress) => seen.push(progress);
  const result = await call(["test_tool_with_progress", {}], { onprogress });
  return { result, seen };
}

async function lists(transcript, client) {
  const ref = { type: "ref/prompt", name: "test_prompt_with_arguments" };
  const argument = { name: "arg1", value: "par" };
  const args = { name: ref.name, arguments: { arg1: "hello", arg2: "world" } };
  for (const [name, act] of [
    ["prompts/list", () => client.listPrompts()],
    ["prompts/get", () => client.getPrompt(args)],
    ["resources/list", () => client.listResources()],
    ["resources/templates/list", () => client.listResourceTemplates()],
    ["resources/read", () => client.readResource({ uri: "test://template/123/data" })],
    ["resources/read nothing", () => client.readResource({ uri: "test://nothing" })],
    ["completion/complete", () => client.complete({ ref, argument })],
  ]) {
    await transcript.step(name, act());
  }
}

async function legacySubscriptions(transcript, client, call) {
  const uri = "test://watched-resource";
  await transcript.step("resources/subscribe", client.subscribeResource({ uri }));
  await transcript.step("touch", call(["test_touch", { uri }]));
  await transcript.step("resources/unsubscribe", client.unsubscribeResource({ uri }));
  await transcript.step("touch no more", call(["test_touch", { uri }]));
}

async function legacyTasks(transcript, request) {
  const start = (ms) =>
    request("tools/call", { name: "test_task", arguments: { ms }, task: { ttl: 60000 } });
  await transcript.step("task", start(100));
  await transcript.step("tasks/result", request("tasks/result", { taskId: "task-1" }));
  await transcript.step("task to cancel", start(600000));
  await transcript.step("tasks/get", request("tasks/get", { taskId: "task-2" }));
  await transcript.step("tasks/cancel", request("tasks/cancel", { taskId: "task-2" }));
  await transcript.step("tasks/list", request("tasks/list"));
  await transcript.step("tasks/get nothing", request("tasks/get", { taskId: "task-3" }));
}

async function modernSubscriptions(transcript, client, call) {
  const subscription = await client.listen({ toolsListChanged: true });
  transcript.steps.push({ step: "listen", result: subscription.honoredFilter });
  await transcript.step("change", call(["test_trigger_tool_change", {}]));
  await transcript.step("another change", call(["test_trigger_prompt_change", {}]));
  await subscription.close();
  await transcript.step("change unheard", call(["test_trigger_tool_change", {}]));
}

async function modernTasks(transcript, request) {
  const start = (seconds) =>
    request("tools/call", { name: "slow_compute", arguments: { seconds } });
  const get = (taskId) => request("tasks/get", { taskId });
  await transcript.step("task", start(0));
  await transcript.step("task to cancel", start(600));
  await transcript.step("tasks/get", get("task-1"));
  await transcript.step("tasks/cancel", request("tasks/cancel", { taskId: "task-2" }));
  await transcript.step("tasks/get cancelled", get("task-2"));
  await transcript.step("tasks/get nothing", get("task-3"));
}

export async function everything(transcript, client, { era, asks, call, request }) {
  await transcript.step("seen", call(["test_seen", {}]));
  for (const one of asks) {
    await transcript.step(`asks ${one[0]}`, call(one));
  }
  await transcript.step("progress", progress(call));
  await lists(transcript, client);
  if (era === "legacy") {
    await transcript.step("logging/setLevel", client.setLoggingLevel("info"));
    await transcript.step("logs", call(["test_tool_with_logging", {}]));
    await transcript.step("roots changed", client.sendRootsListChanged());
    await legacySubscriptions(transcript, client, call);
    await legacyTasks(transcript, request);
  } else {
    const _meta = { "io.modelcontextprotocol/logLevel": "info" };
    const params = { name: "test_tool_with_logging", arguments: {}, _meta };
    await transcript.step("logs", request("tools/call", params));
    await modernSubscriptions(transcript, client, call);
    await modernTasks(transcript, request);
  }
}
