// What both fixtures of the conformance suite offer: names and contents are those that the suite
// looks for. The rest (test_ask, test_seen, test_wait, test_roots, test_touch) is for transcripts.

export const serverInfo = { name: "fixture", version: "1" };

// One red pixel, and two samples of silence.
export const png =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC";
const wav = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQIAAACAgA==";

const object = (properties = {}, required = Object.keys(properties)) => ({
  type: "object",
  properties,
  required,
});
const string = { type: "string" };
const text = (text) => ({ type: "text", text });
const image = { type: "image", data: png, mimeType: "image/png" };

export const said = (words) => ({ content: [text(words)] });
export const failed = (words) => ({ ...said(words), isError: true });

// The results that are always the same.
const contents = {
  test_simple_text: [text("This is a simple text response for testing.")],
  test_image_content: [image],
  test_audio_content: [{ type: "audio", data: wav, mimeType: "audio/wav" }],
  test_embedded_resource: [
    {
      type: "resource",
      resource: {
        uri: "test://embedded-resource",
        mimeType: "text/plain",
        text: "This is an embedded resource content.",
      },
    },
  ],
  test_multiple_content_types: [
    text("Multiple content types test:"),
    image,
    {
      type: "resource",
      resource: {
        uri: "test://mixed-content-resource",
        mimeType: "application/json",
        text: '{"test":"data","value":123}',
      },
    },
  ],
};

export function always(name) {
  if (name === "test_error_handling") {
    return failed("This tool intentionally returns an error for testing");
  }
  return contents[name] && { content: contents[name] };
}

// Keywords of JSON Schema that an intermediary must not lose.
const schema2020 = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  $defs: {
    address: {
      $anchor: "addressDef",
      type: "object",
      properties: { street: string, city: string },
    },
  },
  properties: {
    name: string,
    address: { $ref: "#/$defs/address" },
    contactMethod: { type: "string", enum: ["phone", "email"] },
    phone: string,
    email: string,
  },
  allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
  if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
  then: { required: ["phone"] },
  else: { required: ["email"] },
  additionalProperties: false,
};

const tool = (name, inputSchema = object()) => ({ name, description: `Does ${name}`, inputSchema });

const common = [
  ...Object.keys(contents).map((name) => tool(name)),
  tool("test_error_handling"),
  tool("test_tool_with_progress"),
  tool("test_tool_with_logging"),
  { ...tool("json_schema_2020_12_tool"), inputSchema: schema2020 },
  tool("test_ask", object({ method: string, params: { type: "object" } }, ["method"])),
  tool("test_seen"),
  tool("test_wait", object({ ms: { type: "integer" } })),
];

export const legacyTools = [
  ...common,
  tool("test_sampling", object({ prompt: string })),
  tool("test_elicitation", object({ message: string })),
  tool("test_elicitation_url"),
  tool("test_elicitation_sep1034_defaults"),
  tool("test_elicitation_sep1330_enums"),
  tool("test_roots"),
  tool("test_reconnection"),
  tool("test_touch", object({ uri: string })),
  {
    ...tool("test_task", object({ ms: { type: "integer" } })),
    execution: { taskSupport: "optional" },
  },
];

export const modernTools = [
  ...common,
  ...[
    "elicitation",
    "sampling",
    "list_roots",
    "request_state",
    "multiple_inputs",
    "multi_round",
    "tampered_state",
    "capabilities",
  ].map((name) => tool(`test_input_required_result_${name}`)),
  tool("test_missing_capability"),
  tool("test_streaming_elicitation"),
  tool("test_logging_tool"),
  tool("test_trigger_tool_change"),
  tool("test_trigger_prompt_change"),
  tool("test_custom_headers", object({ region: { ...string, "x-mcp-header": "Region" } })),
  tool("greet", object({ name: string })),
  tool("slow_compute", object({ seconds: { type: "number" } })),
  tool("failing_job"),
];

export const form = {
  username: { type: "string", description: "User's response" },
  email: { type: "string", description: "User's email address" },
};

export const formDefaults = object(
  {
    name: { type: "string", default: "John Doe" },
    age: { type: "integer", default: 30 },
    score: { type: "number", default: 95.5 },
    status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
    verified: { type: "boolean", default: true },
  },
  [],
);

const titled = (words) => words.map((word, at) => ({ const: `value${at + 1}`, title: word }));
const options = ["option1", "option2", "option3"];

export const formEnums = object(
  {
    untitledSingle: { type: "string", enum: options },
    titledSingle: {
      type: "string",
      oneOf: titled(["First Option", "Second Option", "Third Option"]),
    },
    legacyEnum: {
      type: "string",
      enum: ["opt1", "opt2", "opt3"],
      enumNames: ["Option One", "Option Two", "Option Three"],
    },
    untitledMulti: { type: "array", items: { type: "string", enum: options } },
    titledMulti: {
      type: "array",
      items: { anyOf: titled(["First Choice", "Second Choice", "Third Choice"]) },
    },
  },
  [],
);

export const formOf = (properties) => object(properties);

const argument = (name) => ({ name, description: `The ${name}`, required: true });
const user = (content) => ({ role: "user", content });

export const prompts = [
  { name: "test_simple_prompt", description: "Without arguments" },
  {
    name: "test_prompt_with_arguments",
    description: "With two arguments",
    arguments: [argument("arg1"), argument("arg2")],
  },
  {
    name: "test_prompt_with_embedded_resource",
    description: "With a resource",
    arguments: [argument("resourceUri")],
  },
  { name: "test_prompt_with_image", description: "With an image" },
];

export function prompt(name, args = {}) {
  switch (name) {
    case "test_simple_prompt":
      return { messages: [user(text("This is a simple prompt for testing."))] };
    case "test_prompt_with_arguments": {
      const words = `Prompt with arguments: arg1='${args.arg1}', arg2='${args.arg2}'`;
      return { messages: [user(text(words))] };
    }
    case "test_prompt_with_embedded_resource": {
      const resource = {
        uri: args.resourceUri,
        mimeType: "text/plain",
        text: "Embedded resource content for testing.",
      };
      const asked = user(text("Please process the embedded resource above."));
      return { messages: [user({ type: "resource", resource }), asked] };
    }
    case "test_prompt_with_image":
      return { messages: [user(image), user(text("Please analyze the image above."))] };
    default:
      return undefined;
  }
}

const resource = (name, mimeType) => ({
  uri: `test://${name}`,
  name,
  description: `The resource ${name}`,
  mimeType,
});

export const resources = [
  resource("static-text", "text/plain"),
  resource("static-binary", "image/png"),
  resource("watched-resource", "text/plain"),
];

export const resourceTemplates = [
  {
    uriTemplate: "test://template/{id}/data",
    name: "template",
    description: "Data by id",
    mimeType: "application/json",
  },
];

export function read(uri) {
  const of = (mimeType, content) => ({ contents: [{ uri, mimeType, ...content }] });
  switch (uri) {
    case "test://static-text":
      return of("text/plain", { text: "This is the content of the static text resource." });
    case "test://static-binary":
      return of("image/png", { blob: png });
    case "test://watched-resource":
      return of("text/plain", { text: "Watched." });
    default: {
      const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
      const data = { id, templateTest: true, data: `Data for ID: ${id}` };
      return id && of("application/json", { text: JSON.stringify(data) });
    }
  }
}

// Values that begin with what was typed.
export function complete(argument) {
  const found = ["paris", "park", "party"].filter((word) => word.startsWith(argument.value));
  return { completion: { values: found, total: found.length, hasMore: false } };
}
