// Plays an editor to Taplo's language server, and prints what its user would see.
//
//   node toml_editor.mjs MANIFEST LINE COLUMN
//
// The server is the one that Visual Studio Code's extension for TOML runs, in this process as there:
// of Taplo's packages only this one holds it. Prints one JSON object: the labels that complete the
// text at the place (from 0), what is shown about it, and what is marked.
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, isAbsolute } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { part } from "./parts.mjs";

const lsp = await part("@taplo/lsp/dist/index.js");
const { TaploLsp } = lsp.default ?? lsp;

// It would fetch a catalogue of schemas; the manifest names its own, and no test needs a network.
globalThis.fetch = () => Promise.reject(new Error("no network"));

const [manifest, line, column] = process.argv.slice(2);
const uri = pathToFileURL(manifest).href;
const place = { textDocument: { uri }, position: { line: Number(line), character: Number(column) } };

const later = () => {
  const later = {};
  later.promise = new Promise((resolve) => (later.resolve = resolve));
  return later;
};
const waiting = new Map();
const marks = later();
let server;

function onMessage(message) {
  if (message.method === "workspace/configuration") {
    const result = message.params.items.map(() => ({}));
    server.send({ jsonrpc: "2.0", id: message.id, result });
  } else if (message.method === "textDocument/publishDiagnostics") {
    if (message.params.diagnostics.length > 0) marks.resolve(message.params.diagnostics);
  } else if (waiting.has(message.id)) {
    waiting.get(message.id)(message.result);
  }
}

function ask(method, params) {
  const id = waiting.size + 1;
  const answer = later();
  waiting.set(id, answer.resolve);
  server.send({ jsonrpc: "2.0", id, method, params });
  return answer.promise;
}

const tell = (method, params) => server.send({ jsonrpc: "2.0", method, params });

server = await TaploLsp.initialize(
  {
    now: () => new Date(),
    envVar: (name) => process.env[name],
    envVars: () => Object.entries(process.env),
    stdErrAtty: () => false,
    stdin: process.stdin,
    stdout: process.stderr,
    stderr: process.stderr,
    glob: () => [],
    readFile,
    writeFile: async () => {},
    // It asks about its own workspace for loose files too, which is no file.
    urlToFilePath: (url) => (url.startsWith("file:") ? fileURLToPath(url) : "/"),
    isAbsolute,
    cwd: () => dirname(manifest),
    findConfigFile: () => undefined,
    fetch: { fetch, Headers, Request, Response },
  },
  { onMessage },
);
const workspace = pathToFileURL(dirname(manifest)).href;
const workspaceFolders = [{ uri: workspace, name: "manifests" }];
const capabilities = { textDocument: { hover: { contentFormat: ["markdown"] } } };
await ask("initialize", { processId: null, workspaceFolders, capabilities });
tell("initialized", {});
const text = readFileSync(manifest, "utf8");
tell("textDocument/didOpen", { textDocument: { uri, languageId: "toml", version: 1, text } });
// The schema is there once something is marked, so each manifest here has a fault.
const marked = await marks.promise;
const completion = await ask("textDocument/completion", place);
const hover = await ask("textDocument/hover", place);
const items = Array.isArray(completion) ? completion : (completion?.items ?? []);
const told = {
  completes: items.map((item) => item.label).sort(),
  about: hover?.contents?.value ?? "",
  marked: marked.map((mark) => ({ line: mark.range.start.line, message: mark.message })),
};
process.stdout.write(JSON.stringify(told), () => process.exit(0));
