// The server of the modern era (2026-07-28) that the conformance suite is run against, over stdio,
// without an SDK: so it can do what a well-behaved one cannot, such as ask for what nobody granted.

import { createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import * as fixture from "./fixture.mjs";

const version = "2026-07-28";
const key = (name) => `io.modelcontextprotocol/${name}`;
const extension = key("tasks");
const capabilities = {
  tools: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  prompts: { listChanged: true },
  completions: {},
  logging: {},
  extensions: { [extension]: {} },
};
const cached = { ttlMs: 60000, cacheScope: "public" };

// Each listen request by its id, as JSON: 1 and "1" are two.
const listeners = new Map();
// What is being answered, by the same, and can be cancelled.
const running = new Map();
const tasks = new Map();

class Refused extends Error {
  constructor(code, message, data) {
    super(message);
    this.error = { code, message, data };
  }
}

const invalid = (message, data) => new Refused(-32602, message, data);

function write(message) {
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
}

const notify = (method, params) => write({ method, params });

// What a state that went to the client and back has to bear, so that nobody else can make one.
const signed = (state) => createHmac("sha256", "the fixture's").update(state).digest("hex");
const seal = (state) => `${state}.${signed(state)}`;

function opened(sealed) {
  const at = sealed.lastIndexOf(".");
  const state = sealed.slice(0, at);
  if (seal(state) !== sealed) {
    throw invalid("the request state was changed");
  }
  return state;
}

const elicit = (message, properties) => ({
  method: "elicitation/create",
  params: { message, requestedSchema: fixture.formOf(properties) },
});
const sample = (text, maxTokens) => ({
  method: "sampling/createMessage",
  params: { messages: [{ role: "user", content: { type: "text", text } }], maxTokens },
});
const roots = { method: "roots/list", params: {} };

function input(inputRequests, state) {
  const requestState = state && { requestState: seal(state) };
  return { resultType: "input_required", inputRequests, ...requestState };
}

const accepted = (answers, name) =>
  answers[name]?.action === "accept" ? answers[name].content : undefined;

const name = elicit("What is your name?", { name: { type: "string" } });

// The tools that ask, by their names without test_input_required_result_.
const asking = {
  elicitation(answers) {
    const said = accepted(answers, "user_name")?.name;
    return typeof said === "string" ? fixture.said(`Hello, ${said}!`) : input({ user_name: name });
  },
  sampling({ capital_question: answer }) {
    const said = answer?.content?.text;
    const asked = sample("What is the capital of France?", 100);
    return said ? fixture.said(said) : input({ capital_question: asked });
  },
  list_roots({ client_roots: answer }) {
    const said = answer?.roots;
    return said ? fixture.said(JSON.stringify(said)) : input({ client_roots: roots });
  },
  request_state(answers, state) {
    const confirm = elicit("Please confirm", { ok: { type: "boolean" } });
    const done = state === "confirm" && accepted(answers, "confirm");
    return done ? fixture.said("state-ok") : input({ confirm }, "confirm");
  },
  multiple_inputs(answers, state) {
    const greeting = sample("Generate a greeting", 50);
    const asked = { user_name: name, greeting, client_roots: roots };
    const done = state === "several" && Object.keys(asked).every((key) => answers[key]);
    return done ? fixture.said(JSON.stringify(answers)) : input(asked, "several");
  },
  multi_round(answers, state) {
    const step1 = elicit("Step 1: What is your name?", { name: { type: "string" } });
    const step2 = elicit("Step 2: What is your favorite color?", { color: { type: "string" } });
    if (state === "two" && accepted(answers, "step2")) {
      return fixture.said(`Your color is ${answers.step2.content.color}`);
    }
    return accepted(answers, "step1") ? input({ step2 }, "two") : input({ step1 }, "one");
  },
  tampered_state(answers, state) {
    const confirm = elicit("Please confirm", { ok: { type: "boolean" } });
    return state ? fixture.said("untampered") : input({ confirm }, "whole");
  },
  capabilities(answers, state, declared) {
    const { elicitation } = declared;
    // One that names no kind is of forms.
    const forms = elicitation && (elicitation.form || !elicitation.url);
    const asked = {
      ...(forms && { elicitation: name }),
      ...(declared.sampling && { sampling: sample("Generate a greeting", 50) }),
      ...(declared.roots && { roots }),
    };
    return Object.keys(answers).length ? fixture.said("asked") : input(asked);
  },
};

async function progress({ progressToken }) {
  for (const progress of [0, 50, 100]) {
    if (progressToken !== undefined) {
      const params = { progressToken, progress, total: 100, message: `${progress} of 100` };
      notify("notifications/progress", params);
    }
    await sleep(50);
  }
  return fixture.said("done");
}

async function log(meta) {
  const words = ["Tool execution started", "Tool processing data", "Tool execution completed"];
  // A client that names no level wants no log.
  for (const data of meta[key("logLevel")] ? words : []) {
    notify("notifications/message", { level: "info", logger: "fixture", data });
    await sleep(50);
  }
  return fixture.said("logged");
}

async function wait(ms, signal) {
  if (ms > 0) {
    await sleep(ms, undefined, { signal });
  }
  return fixture.said("waited");
}

// Asks for anything, whatever the client said that it can do.
function ask({ method, params = {} }, answers) {
  const { asked } = answers;
  return asked ? fixture.said(JSON.stringify(asked)) : input({ asked: { method, params } });
}

function needs(requiredCapabilities, has) {
  if (!has) {
    throw new Refused(-32021, "the client lacks a capability", { requiredCapabilities });
  }
}

function needsSampling(declared) {
  needs({ sampling: {} }, declared.sampling);
  return fixture.said("sampling is there");
}

const knowsTasks = (declared) => declared.extensions?.[extension];
const needsTasks = (declared) =>
  needs({ extensions: { [extension]: {} } }, knowsTasks(declared));

function changed(kind) {
  for (const { id, wanted } of listeners.values()) {
    if (wanted[`${kind}ListChanged`]) {
      const _meta = { [key("subscriptionId")]: id };
      notify(`notifications/${kind}/list_changed`, { _meta });
    }
  }
  return fixture.said("changed");
}

async function call(params, meta, signal) {
  const { name, arguments: args = {}, inputResponses = {}, requestState } = params;
  const declared = meta[key("clientCapabilities")];
  const asks = asking[/^test_input_required_result_(.*)$/.exec(name)?.[1]];
  if (asks) {
    return asks(inputResponses, requestState && opened(requestState), declared);
  }
  switch (name) {
    case "test_tool_with_progress":
      return progress(meta);
    case "test_tool_with_logging":
    case "test_logging_tool":
      return log(meta);
    case "json_schema_2020_12_tool":
      return fixture.said(JSON.stringify(args));
    case "test_streaming_elicitation":
      return asking.elicitation(inputResponses);
    case "test_missing_capability":
      return needsSampling(declared);
    case "test_trigger_tool_change":
      return changed("tools");
    case "test_trigger_prompt_change":
      return changed("prompts");
    case "test_wait":
      return wait(args.ms, signal);
    case "test_ask":
      return ask(args, inputResponses);
    case "test_seen":
      return fixture.said(JSON.stringify(declared));
    case "test_custom_headers":
      return fixture.said(args.region);
    case "greet":
      return fixture.said(`Hello, ${args.name}!`);
    case "slow_compute":
      return knowsTasks(declared) ? start(args) : wait(1000 * args.seconds, signal);
    case "failing_job":
      needsTasks(declared);
      return fail();
    default: {
      const result = fixture.always(name);
      if (!result) {
        throw invalid(`unknown tool ${name}`);
      }
      return result;
    }
  }
}

const asked = {
  name: "test_input_required_result_prompt",
  description: "Asks for its context",
};

function prompt({ name, arguments: args, inputResponses = {} }) {
  if (name === asked.name) {
    const context = accepted(inputResponses, "user_context")?.context;
    const question = elicit("What context should the prompt use?", { context: { type: "string" } });
    const content = { type: "text", text: `In this context: ${context}` };
    return context ? { messages: [{ role: "user", content }] } : input({ user_context: question });
  }
  const result = fixture.prompt(name, args);
  if (!result) {
    throw invalid(`unknown prompt ${name}`);
  }
  return result;
}

function read({ uri }) {
  const result = fixture.read(uri);
  if (!result) {
    throw invalid("Resource not found", { uri });
  }
  return { ...result, ...cached };
}

// A task's times are no clock's, so that two transcripts can be equal.
const when = "2026-01-01T00:00:00Z";

function made(work) {
  const taskId = `task-${tasks.size + 1}`;
  const created = { taskId, status: "working", createdAt: when, lastUpdatedAt: when };
  const state = { ...created, ttlMs: 60000, pollIntervalMs: 50 };
  const entry = { state, stop: new AbortController() };
  tasks.set(taskId, entry);
  const now = { resultType: "task", ...state };
  work(entry.stop.signal).then((outcome) => Object.assign(entry.state, outcome));
  return now;
}

function start({ seconds }) {
  return made((signal) =>
    wait(1000 * seconds, signal).then(
      (result) => ({ status: "completed", result: { resultType: "complete", ...result } }),
      () => ({ status: "cancelled" }),
    ),
  );
}

const fail = () =>
  made(async () => ({ status: "completed", result: fixture.failed("This job fails") }));

function found({ taskId }) {
  const entry = tasks.get(taskId);
  if (!entry) {
    throw invalid(`unknown task ${taskId}`);
  }
  return entry;
}

function ofTasks(handle) {
  return (params, meta) => {
    needsTasks(meta[key("clientCapabilities")]);
    return handle(params);
  };
}

// A long-lived request: what it subscribes to comes until the client cancels it.
function listen({ notifications = {} }, meta, signal, id) {
  listeners.set(JSON.stringify(id), { id, wanted: notifications });
  const _meta = { [key("subscriptionId")]: id };
  notify("notifications/subscriptions/acknowledged", { _meta, notifications });
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      listeners.delete(JSON.stringify(id));
      reject(signal.reason);
    });
  });
}

const methods = {
  "server/discover": () => ({ supportedVersions: [version], capabilities, ...cached }),
  "tools/list": () => ({ tools: fixture.modernTools, ...cached }),
  "tools/call": call,
  "prompts/list": () => ({ prompts: [...fixture.prompts, asked], ...cached }),
  "prompts/get": prompt,
  "resources/list": () => ({ resources: fixture.resources, ...cached }),
  "resources/templates/list": () => ({ resourceTemplates: fixture.resourceTemplates, ...cached }),
  "resources/read": read,
  "completion/complete": ({ argument }) => fixture.complete(argument),
  "subscriptions/listen": listen,
  "tasks/get": ofTasks((params) => ({ ...found(params).state })),
  "tasks/update": ofTasks((params) => (found(params), {})),
  "tasks/cancel": ofTasks((params) => (found(params).stop.abort(), {})),
};

function checked(method, meta) {
  const declared = meta?.[key("protocolVersion")];
  if (typeof declared !== "string" || typeof meta[key("clientCapabilities")] !== "object") {
    throw invalid("a request says its version and its client's capabilities");
  }
  if (declared !== version) {
    const data = { supported: [version], requested: declared };
    throw new Refused(-32022, "unsupported protocol version", data);
  }
  if (!methods[method]) {
    throw new Refused(-32601, "unknown method");
  }
  return methods[method];
}

async function answer({ id, method, params = {} }) {
  const stop = new AbortController();
  running.set(JSON.stringify(id), stop);
  try {
    const handle = checked(method, params._meta);
    const result = await handle(params, params._meta, stop.signal, id);
    const _meta = { [key("serverInfo")]: fixture.serverInfo };
    write({ id, result: { resultType: "complete", _meta, ...result } });
  } catch (error) {
    // What was cancelled has no answer.
    if (!stop.signal.aborted) {
      write({ id, error: error.error ?? { code: -32603, message: String(error) } });
    }
  } finally {
    running.delete(JSON.stringify(id));
  }
}

function take(line) {
  const message = JSON.parse(line);
  if (message.method === "notifications/cancelled") {
    running.get(JSON.stringify(message.params.requestId))?.abort();
  } else if (message.method !== undefined && message.id !== undefined) {
    answer(message);
  }
}

let rest = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  lines.forEach(take);
});
// A subscription or a task is no reason to live on.
process.stdin.on("end", () => process.exit());
