// The echo server as the SDK's users write it, for start times.

import { part } from "./parts.mjs";

const sdk = "@modelcontextprotocol/sdk/dist/esm";
const { McpServer } = await part(`${sdk}/server/mcp.js`);
const { StdioServerTransport } = await part(`${sdk}/server/stdio.js`);
const { z } = await part("zod/index.js");

const server = new McpServer({ name: "echo", version: "1" });
server.registerTool(
  "echo",
  { description: "Gives back its text", inputSchema: { text: z.string().optional() } },
  async ({ text }) => ({ content: [{ type: "text", text: text ?? "" }] }),
);
await server.connect(new StdioServerTransport());
