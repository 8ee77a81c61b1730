// Clients in Node.js: `peers.mjs NAME HOST CA [MORE]` prints what the server said.
// NODE_EXTRA_CA_CERTS names the CA for what takes none.

import dns from "node:dns/promises";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { createRequire } from "node:module";
import net from "node:net";

const text = (response) =>
  new Promise((done, failed) => {
    let got = "";
    response.setEncoding("utf8");
    response.on("data", (more) => (got += more));
    response.on("end", () => done(got));
    response.on("error", failed);
  });

const CLIENTS = {
  fetch: async (host) => {
    const got = await fetch(`https://${host}/hello`);
    const sent = await fetch(`https://${host}/hash`, { method: "POST", body: "x".repeat(300000) });
    const many = await (await fetch(`https://${host}/bytes/1000000`)).arrayBuffer();
    return [await got.text(), await sent.text(), many.byteLength];
  },
  "fetch-plain": async (host) => (await fetch(`http://${host}/hello`)).text(),
  https: async (host, ca) => {
    const agent = new https.Agent({ ca: readFileSync(ca), keepAlive: true, maxSockets: 1 });
    const got = [];
    for (let i = 0; i < 2; i++)
      got.push(
        await new Promise((done, failed) =>
          https
            .get(`https://${host}/hello`, { agent }, (response) => done(text(response)))
            .on("error", failed),
        ),
      );
    agent.destroy();
    return got;
  },
  ws: (host, ca, modules, seconds) =>
    new Promise((done, failed) => {
      const WebSocket = createRequire(`${modules}/`)("ws");
      const stream = new WebSocket(`wss://${host}/echo`, { ca: readFileSync(ca) });
      const said = [];
      const words = ["one", Buffer.alloc(200000), `wait ${seconds}`, "last"];
      const next = () => (words.length ? stream.send(words.shift()) : stream.close());
      stream.on("open", next);
      stream.on("message", (got, binary) => {
        said.push(binary ? got.length : String(got));
        next();
      });
      stream.on("close", () => done(said));
      stream.on("error", failed);
    }),
  // c-ares, which asks the servers of /etc/resolv.conf itself.
  resolve: async (host) => {
    const told = await Promise.allSettled([dns.resolve6(host), dns.resolve4(host)]);
    const addresses = told.flatMap((one) => one.value ?? []);
    for (const address of addresses) {
      try {
        return await new Promise((done, failed) =>
          http
            .get({ host: address, path: "/hello", headers: { host } }, (got) => done(text(got)))
            .on("error", failed),
        );
      } catch {}
    }
    return "nobody answers";
  },
  // Kinds of records that programs ask for and do not need.
  records: async (host) => {
    const ask = async (kind) => {
      try {
        return (await dns.resolve(host, kind)).length;
      } catch (error) {
        return error.code;
      }
    };
    return Promise.all(["TXT", "SRV", "MX", "NS", "CAA", "PTR"].map(ask));
  },
  half: (host) =>
    new Promise((done, failed) => {
      const stream = net.connect(7000, host, () => stream.end(Buffer.alloc(300000, "bee")));
      done(text(stream));
      stream.on("error", failed);
    }),
};

const [client, ...more] = process.argv.slice(2);
console.log(JSON.stringify(await CLIENTS[client](...more)));
