// The official TypeScript SDK v1 as a client:  node ts_client_v1.mjs '["server", "argument"]'

import { part } from "./parts.mjs";
import { capabilities } from "./everything.mjs";
import { Transcript, command, era } from "./transcript.mjs";

const sdk = "@modelcontextprotocol/sdk/dist/esm";
const { Client } = await part(`${sdk}/client/index.js`);
const { StdioClientTransport } = await part(`${sdk}/client/stdio.js`);
const types = await part(`${sdk}/types.js`);
const { z } = await part("zod/index.js");

if (era !== "legacy") {
  throw new Error("SDK v1 speaks no modern era");
}
const transcript = new Transcript();
const client = new Client({ name: "peer", version: "1" }, { capabilities });
const [program, ...args] = command;
const transport = new StdioClientTransport({ command: program, args, env: process.env });
// Only a call that has options can be cancelled, and v1 has the schema before the options.
const callTool = client.callTool.bind(client);
client.callTool = (params, options) => callTool(params, undefined, options);
const questions = {
  "sampling/createMessage": types.CreateMessageRequestSchema,
  "elicitation/create": types.ElicitRequestSchema,
  "roots/list": types.ListRootsRequestSchema,
};
transcript.answer((method, answer) => {
  client.setRequestHandler(questions[method], async ({ params }) => answer(params));
});
const anything = z.record(z.string(), z.unknown());

await transcript.step("initialize", client.connect(transport));
transcript.watch(client, transport);
transcript.steps.push({ step: "server", result: client.getServerVersion() });
transcript.steps.push({ step: "capabilities", result: client.getServerCapabilities() });
const request = (method, params) => client.request({ method, params }, anything);
await transcript.converse(client, request);
await client.close();
transcript.print();
