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
const more = new Map();
const input = createInterface({ input: process.stdin });

function tell(event, name, value) {
  process.stdout.write(JSON.stringify({ event, name, value: convexToJson(value ?? null) }) + "\n");
}

function tellFailure(name, error) {
  const data = error instanceof ConvexError ? { data: error.data } : {};
  tell("failed", name, { message: error.message, ...data });
}

function tellEnd(name, promise) {
  promise.then(
    (value) => tell("resolved", name, value),
    (error) => tellFailure(name, error),
  );
}

function showAtOnce(local, { text }) {
  const list = makeFunctionReference("notes:list");
  local.setQuery(list, {}, [{ text: `*${text}` }, ...local.getQuery(list, {})]);
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
  subscribePages({ name, path, args, size }) {
    const stop = client.onPaginatedUpdate_experimental(
      makeFunctionReference(path),
      jsonToConvex(args),
      { initialNumItems: size },
      ({ results, status, loadMore }) => {
        more.set(name, loadMore);
        tell("pages", name, { results, status });
      },
      (error) => tellFailure(name, error),
    );
    unsubscribe.set(name, stop);
  },
  loadMore({ name, size }) {
    more.get(name)(size);
  },
  unsubscribe({ name }) {
    unsubscribe.get(name)();
  },
  call({ name, as, path, args }) {
    tellEnd(name, client[as](makeFunctionReference(path), jsonToConvex(args)));
  },
  setAuth({ name, tokens }) {
    if (kind === "http") return client.setAuth(tokens[0]);
    const next = () => (tokens.length > 1 ? tokens.shift() : tokens[0]);
    client.setAuth(async () => next(), (isTaken) => tell("auth", name, isTaken));
  },
  setAuthFrom({ name, url }) {
    const next = async () => (await fetch(url)).text();
    client.setAuth(next, (isTaken) => tell("auth", name, isTaken));
  },
  setAdminAuth({ key, identity }) {
    client.setAdminAuth(key, identity ?? undefined);
  },
  callByPath({ name, path, args }) {
    tellEnd(name, client.function(path, undefined, jsonToConvex(args)));
  },
  insertOptimistically({ name, text }) {
    const insert = makeFunctionReference("notes:insert");
    tellEnd(name, client.mutation(insert, { text }, { optimisticUpdate: showAtOnce }));
  },
  fetch({ name, url, method, headers, body }) {
    const answer = fetch(url, { method, headers, body }).then(async (response) => ({
      status: response.status,
      type: response.headers.get("content-type"),
      text: await response.text(),
    }));
    tellEnd(name, answer);
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
