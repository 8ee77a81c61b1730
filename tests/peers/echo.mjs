// A bare MCP server without an SDK, for start times: it gives back the params of a call.

const serverInfo = { name: "echo", version: "1" };
const tool = {
  name: "echo",
  description: "Gives back its params",
  inputSchema: { type: "object" },
};

function answer(method, params) {
  switch (method) {
    case "initialize": {
      const { protocolVersion } = params;
      return { protocolVersion, capabilities: { tools: {} }, serverInfo };
    }
    case "tools/list":
      return { tools: [tool] };
    case "tools/call":
      return { content: [], params };
    case "ping":
      return {};
    default:
      return undefined;
  }
}

function serve(line) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) {
    return;
  }
  const result = answer(method, params);
  const outcome = result ? { result } : { error: { code: -32601, message: "unknown method" } };
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, ...outcome })}\n`);
}

let rest = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  lines.forEach(serve);
});
