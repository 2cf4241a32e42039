// One official client, driven by a test: commands come in as lines of JSON, and what happens goes
// out as lines of JSON, in the order in which it happens.
//
//   node official_client.mjs socket|http URL

import { createInterface } from "node:readline";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import { ConvexError, convexToJson, jsonToConvex } from "convex/values";

console.log = console.error; // stdout belongs to the events

const [kind, url] = process.argv.slice(2);
const client = kind === "http" ? new ConvexHttpClient(url) : new ConvexClient(url);
const unsubscribe = new Map();
const input = createInterface({ input: process.stdin });

function tell(event, name, value) {
  process.stdout.write(JSON.stringify({ event, name, value: convexToJson(value ?? null) }) + "\n");
}

function tellFailure(name, error) {
  const data = error instanceof ConvexError ? { data: error.data } : {};
  tell("failed", name, { message: error.message, ...data });
}

function prependNote(local, args) {
  const notes = local.getQuery(makeFunctionReference("notes:list"), {});
  local.setQuery(makeFunctionReference("notes:list"), {}, [{ text: `*${args.text}` }, ...notes]);
}

const commands = {
  subscribe({ name, path, args }) {
    const stop = client.onUpdate(
      makeFunctionReference(path),
      jsonToConvex(args),
      (value) => tell("update", name, value),
      (error) => tellFailure(name, error),
    );
    unsubscribe.set(name, stop);
  },
  unsubscribe({ name }) {
    unsubscribe.get(name)();
  },
  call({ name, as, path, args, optimistic }) {
    const options = optimistic ? [{ optimisticUpdate: prependNote }] : [];
    client[as](makeFunctionReference(path), jsonToConvex(args), ...options).then(
      (value) => tell("resolved", name, value),
      (error) => tellFailure(name, error),
    );
  },
  close() {
    process.stdin.destroy(); // only the client could keep the process alive now
    client.close?.();
  },
};

input.on("line", (line) => {
  const command = JSON.parse(line);
  commands[command.do](command);
});
