// The server of the legacy era that the conformance suite is run against, over stdio: the official
// TypeScript SDK v1. It asks its client with no look at what that client said that it can do, so
// that only brig stands between.

import { setTimeout as sleep } from "node:timers/promises";
import * as fixture from "./fixture.mjs";
import { part } from "./parts.mjs";

const sdk = "@modelcontextprotocol/sdk/dist/esm";
const { Server } = await part(`${sdk}/server/index.js`);
const { StdioServerTransport } = await part(`${sdk}/server/stdio.js`);
const types = await part(`${sdk}/types.js`);
const { z } = await part("zod/index.js");

const capabilities = {
  tools: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  prompts: { listChanged: true },
  completions: {},
  logging: {},
  tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } },
};
const server = new Server(fixture.serverInfo, { capabilities });
const anything = z.record(z.string(), z.unknown());
const subscribed = new Set();
const tasks = new Map();
const unknown = (what) => new types.McpError(types.ErrorCode.InvalidParams, `unknown ${what}`);

// What the client says to a request, or the error that it answers with.
async function ask(extra, method, params = {}) {
  try {
    return await extra.sendRequest({ method, params }, anything);
  } catch ({ code, message, data }) {
    return { error: { code, message, data } };
  }
}

function outcome(answer, words) {
  const { error } = answer;
  return error ? fixture.failed(`${error.code} ${error.message}`) : fixture.said(words(answer));
}

async function elicit(extra, message, requestedSchema, name) {
  const answer = await ask(extra, "elicitation/create", { message, requestedSchema });
  const content = JSON.stringify(answer.content ?? {});
  return outcome(answer, ({ action }) => `${name}: action=${action}, content=${content}`);
}

async function progress(extra) {
  const progressToken = extra._meta?.progressToken;
  for (const progress of [0, 50, 100]) {
    if (progressToken !== undefined) {
      const params = { progressToken, progress, total: 100, message: `${progress} of 100` };
      await extra.sendNotification({ method: "notifications/progress", params });
    }
    await sleep(50);
  }
  return fixture.said("done");
}

async function log() {
  const words = ["Tool execution started", "Tool processing data", "Tool execution completed"];
  for (const data of words) {
    await server.sendLoggingMessage({ level: "info", logger: "fixture", data });
    await sleep(50);
  }
  return fixture.said("logged");
}

async function sample(extra, prompt) {
  const messages = [{ role: "user", content: { type: "text", text: prompt } }];
  const answer = await ask(extra, "sampling/createMessage", { messages, maxTokens: 100 });
  return outcome(answer, ({ content }) => `LLM response: ${content.text}`);
}

async function visit(extra) {
  const elicitationId = "visit-1";
  const url = "https://fixture.example/visit";
  const params = { mode: "url", message: "Please visit", url, elicitationId };
  const answer = await ask(extra, "elicitation/create", params);
  if (!answer.error) {
    const method = "notifications/elicitation/complete";
    await extra.sendNotification({ method, params: { elicitationId } });
  }
  return outcome(answer, ({ action }) => `Visited: ${action}`);
}

async function wait(ms, signal) {
  await sleep(ms, undefined, { signal });
  return fixture.said("waited");
}

async function touch(uri) {
  if (subscribed.has(uri)) {
    await server.sendResourceUpdated({ uri });
  }
  await server.sendResourceListChanged();
  return fixture.said("touched");
}

async function call({ name, arguments: args = {} }, extra) {
  switch (name) {
    case "test_tool_with_progress":
      return progress(extra);
    case "test_tool_with_logging":
      return log();
    case "json_schema_2020_12_tool":
      return fixture.said(JSON.stringify(args));
    case "test_sampling":
      return sample(extra, args.prompt);
    case "test_elicitation":
      return elicit(extra, args.message, fixture.formOf(fixture.form), "User response");
    case "test_elicitation_url":
      return visit(extra);
    case "test_elicitation_sep1034_defaults":
      return elicit(extra, "Defaults", fixture.formDefaults, "Elicitation completed");
    case "test_elicitation_sep1330_enums":
      return elicit(extra, "Enums", fixture.formEnums, "Elicitation completed");
    case "test_roots":
      return outcome(await ask(extra, "roots/list"), ({ roots }) => JSON.stringify(roots));
    case "test_reconnection":
      return wait(100, extra.signal);
    case "test_wait":
      return wait(args.ms, extra.signal);
    case "test_touch":
      return touch(args.uri);
    case "test_ask":
      return fixture.said(JSON.stringify(await ask(extra, args.method, args.params)));
    case "test_seen":
      return fixture.said(JSON.stringify(server.getClientCapabilities()));
    case "test_task":
      return wait(args.ms, extra.signal);
    default: {
      const result = fixture.always(name);
      if (!result) {
        throw unknown(`tool ${name}`);
      }
      return result;
    }
  }
}

// A task's times are no clock's, so that two transcripts can be equal.
const when = "2026-01-01T00:00:00Z";

function start({ task, arguments: args }) {
  const taskId = `task-${tasks.size + 1}`;
  const stop = new AbortController();
  const created = { taskId, status: "working", createdAt: when, lastUpdatedAt: when };
  const state = { ...created, ttl: task.ttl ?? null, pollInterval: 50 };
  const entry = { state, stop };
  tasks.set(taskId, entry);
  entry.result = wait(args.ms, stop.signal).then(
    (result) => settle(entry, "completed", result),
    () => settle(entry, "cancelled"),
  );
  return { task: { ...state } };
}

async function settle(entry, status, result) {
  entry.state.status = status;
  await server.notification({ method: "notifications/tasks/status", params: { ...entry.state } });
  return result;
}

function found({ taskId }) {
  const entry = tasks.get(taskId);
  if (!entry) {
    throw unknown(`task ${taskId}`);
  }
  return entry;
}

async function taskResult(params) {
  const result = await found(params).result;
  if (!result) {
    throw unknown("result of a cancelled task");
  }
  const _meta = { "io.modelcontextprotocol/related-task": { taskId: params.taskId } };
  return { ...result, _meta };
}

async function cancel(params) {
  const entry = found(params);
  if (entry.state.status !== "working") {
    throw unknown("way to cancel what has ended");
  }
  entry.stop.abort();
  await entry.result;
  return { ...entry.state };
}

function orUnknown(result, what) {
  if (!result) {
    throw unknown(what);
  }
  return result;
}

function noResource(uri) {
  return new types.McpError(types.ErrorCode.InvalidParams, "Resource not found", { uri });
}

function read({ uri }) {
  const result = fixture.read(uri);
  if (!result) {
    throw noResource(uri);
  }
  return result;
}

const handlers = [
  [types.ListToolsRequestSchema, () => ({ tools: fixture.legacyTools })],
  [
    types.CallToolRequestSchema,
    (params, extra) => (params.task ? start(params) : call(params, extra)),
  ],
  [types.ListPromptsRequestSchema, () => ({ prompts: fixture.prompts })],
  [
    types.GetPromptRequestSchema,
    ({ name, arguments: args }) => orUnknown(fixture.prompt(name, args), `prompt ${name}`),
  ],
  [types.ListResourcesRequestSchema, () => ({ resources: fixture.resources })],
  [
    types.ListResourceTemplatesRequestSchema,
    () => ({ resourceTemplates: fixture.resourceTemplates }),
  ],
  [types.ReadResourceRequestSchema, read],
  [types.SubscribeRequestSchema, ({ uri }) => (subscribed.add(uri), {})],
  [types.UnsubscribeRequestSchema, ({ uri }) => (subscribed.delete(uri), {})],
  [types.CompleteRequestSchema, ({ argument }) => fixture.complete(argument)],
  [types.GetTaskRequestSchema, (params) => ({ ...found(params).state })],
  [types.GetTaskPayloadRequestSchema, taskResult],
  [types.ListTasksRequestSchema, () => ({ tasks: [...tasks.values()].map(({ state }) => state) })],
  [types.CancelTaskRequestSchema, cancel],
];
for (const [schema, handle] of handlers) {
  server.setRequestHandler(schema, async ({ params }, extra) => handle(params ?? {}, extra));
}
await server.connect(new StdioServerTransport());
