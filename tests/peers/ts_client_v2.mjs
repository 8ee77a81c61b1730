// The official TypeScript SDK v2 as a client:
//   node ts_client_v2.mjs '["server", "argument"]' [legacy | modern]

import { part } from "./parts.mjs";
import { capabilities } from "./everything.mjs";
import { Transcript, command, era } from "./transcript.mjs";

const sdk = "@modelcontextprotocol/client/dist";
const { Client } = await part(`${sdk}/index.mjs`);
const { StdioClientTransport } = await part(`${sdk}/stdio.mjs`);

const transcript = new Transcript();
const mode = era === "modern" ? "auto" : "legacy";
const options = { capabilities, versionNegotiation: { mode } };
const client = new Client({ name: "peer", version: "1" }, options);
const [program, ...args] = command;
const transport = new StdioClientTransport({ command: program, args, env: process.env });
const anything = { "~standard": { version: 1, vendor: "brig", validate: (value) => ({ value }) } };
transcript.answer((method, answer) => {
  client.setRequestHandler(method, async ({ params }) => answer(params));
});

await transcript.step("connect", client.connect(transport));
transcript.watch(client, transport);
transcript.steps.push({ step: "server", result: client.getServerVersion() });
transcript.steps.push({ step: "capabilities", result: client.getServerCapabilities() });
transcript.steps.push({ step: "version", result: client.getNegotiatedProtocolVersion() });
transcript.steps.push({ step: "discovered", result: client.getDiscoverResult() ?? null });
const request = (method, params) => client.request({ method, params }, anything);
await transcript.converse(client, request);
await client.close();
transcript.print();
