// One whole session of a client, told as one line of JSON.
//
// What it tells depends on the server and the SDK alone: no times, no process ids, sorted keys. So
// the transcript of a server under brig can be compared with that of the same server run bare.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { answers, everything } from "./everything.mjs";

const calls = JSON.parse(readFileSync(new URL("calls.json", import.meta.url), "utf8"));
const cancelAfterMs = 300;

export const command = JSON.parse(process.argv[2]);
export const era = process.argv[3] ?? "legacy";

export class Transcript {
  steps = [];
  asked = [];
  stray = [];
  ends = [];

  // Waits for a result, which may be an error, and takes it down.
  async step(name, promise) {
    try {
      this.steps.push({ step: name, result: await promise });
    } catch (error) {
      const { code, message, data } = error;
      this.steps.push({ step: name, error: { code, message, data } });
    }
  }

  // Answers what the server asks, and takes it down. `handle` is the SDK's way to say so.
  answer(handle) {
    for (const [method, answer] of Object.entries(answers)) {
      handle(method, (params) => {
        this.asked.push({ method, params });
        return answer(params);
      });
    }
  }

  // Takes down what no request has asked for.
  watch(client, transport) {
    client.onerror = (error) => this.stray.push(error.message);
    client.fallbackNotificationHandler = async (notification) => this.stray.push(notification);
    // Neither SDK tells how a server ends, but both keep its process here.
    transport._process.once("exit", (code, signal) => this.ends.push({ code, signal }));
  }

  async converse(client, request) {
    await this.step("tools/list", client.listTools());
    const chosen = calls[client.getServerVersion().name];
    const call = ([name, args], options) => client.callTool({ name, arguments: args }, options);
    for (const one of chosen.calls) {
      await this.step(`tools/call ${one[0]}`, call(one));
    }
    if (era === "legacy") {
      await this.step("ping", client.ping());
    }
    await this.step("unknown", request("vendor/unknown"));
    if (chosen.asks) {
      await everything(this, client, { era, asks: chosen.asks[era], call, request });
    }
    if (chosen.long) {
      const controller = new AbortController();
      const given = call(chosen.long, { signal: controller.signal });
      sleep(cancelAfterMs).then(() => controller.abort("given up"));
      await this.step("cancel", given);
    }
    await this.step("after", call(chosen.calls[0]));
  }

  print() {
    const { steps, asked, stray, ends } = this;
    console.log(JSON.stringify(sorted({ steps, asked, stray, ends })));
  }
}

function sorted(value) {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  if (value === null || typeof value !== "object") {
    return value;
  }
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
}
