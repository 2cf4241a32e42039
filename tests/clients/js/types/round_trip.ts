// What the types say is what travels: every value comes back as its type, from a real server.
//
//   node --import ./resolving.mjs types/round_trip.ts URL

import assert from "node:assert/strict";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import {
  api,
  declaredError,
  type Everything,
  type EverythingInput,
} from "../../../codegen/golden/gallery/gallery/_generated/api.ts";

const url = process.argv[2] ?? "";
const socket = new ConvexClient(url);
const http = new ConvexHttpClient(url);

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => assert.fail("it did not fail"),
    (error: unknown) => error,
  );
}

const artist = await socket.mutation(api.items.artist, { name: "Ada" });
const piece = await socket.mutation(api.pieces.add_film, { name: "short" });

const sent: EverythingInput = {
  text: "text",
  flag: true,
  nothing: null,
  number: -0.5,
  whole: 2 ** 53 - 1,
  big: 2n ** 63n - 1n,
  data: new Uint8Array([0, 255]).buffer,
  anything: [1, { a: 2n }, new Uint8Array([1]).buffer, null],
  artist,
  piece,
  file: null,
  style: "modern",
  rating: 2,
  constant: 'a "b"',
  at: Date.UTC(2026, 0, 1),
  took: 1500,
  day: "2026-01-01",
  clock: "12:30:00",
  key: "00000000-0000-4000-8000-000000000000",
  price: "1.50",
  link: "https://example.com/",
  address: "127.0.0.1",
  shouted: "loud",
  numbers: [1, NaN, Infinity],
  pair: [1, "one"],
  many: ["a", "b"],
  distinct: [3, 1, 2],
  styles: ["modern", "classic"],
  sizes: { small: { width: 1, height: 2 } },
  by_style: { modern: 1 },
  size: { width: 1, height: 2, unit: "in" },
  point: { x: 1 },
  labels: { color: "red" },
  tags: ["a", "b"],
  remark: { text: "a", replies: [{ text: "b" }] },
  folder: { name: "a", shelf: { folders: { b: { name: "b", shelf: null } } } },
  payment: { kind: "cash", amount: 5n },
  payments: [{ kind: "card", number: "1" }],
  either: 1.5,
  box: { item: { width: 1, height: 2 } },
  doc: { type: "a" },
  page: { numItems: 1, cursor: null },
  handle: "pieces:list",
  counted: [1, 2],
};

const { replies, ...said } = { text: "b", replies: [] };
const expected: Everything = {
  ...sent,
  shouted: "LOUD",
  distinct: [1, 2, 3],
  styles: ["classic", "modern"],
  sizes: { small: { width: 1, height: 2, unit: "cm" } },
  size: { width: 1, height: 2, unit: "in" },
  point: { x: 1, y: 0 },
  remark: { text: "a", replies: [{ ...said, replies }] },
  folder: { name: "a", shelf: { folders: { b: { name: "b" } } } },
  box: { item: { width: 1, height: 2, unit: "cm" } },
  defaulted: 3,
  made: [1],
} as Everything;

for (const client of [socket, http]) {
  const value = await client.query(api.values.echo, { value: sent });
  assert.deepEqual({ ...value, page: sent.page }, expected);
  const whole: EverythingInput = {
    ...sent,
    optional: "there",
    absent: null,
    defaulted: 4,
    made: [],
  };
  const again = await client.query(api.values.echo, { value: whole });
  assert.deepEqual(
    [again.optional, again.absent, again.defaulted, again.made],
    ["there", null, 4, []],
  );

  const film = await client.query(api.pieces.get, { piece });
  assert.ok(film.kind === "film" && film.length === 3_600_000);
  assert.deepEqual(Object.keys(film).sort(), [
    "_creationTime",
    "_id",
    "artist",
    "kind",
    "length",
    "title",
  ]);
  assert.deepEqual(await client.query(api.pieces.search, { text: "sho" }), [piece]);
  assert.equal(await client.query(api.account.who, {}), null);
  assert.equal(await client.action(api.items.shout, { name: "a" }), "A");
  const { page, isDone } = await client.query(api.items.page, {
    paginationOpts: { numItems: 1, cursor: null },
  });
  assert.deepEqual([page, isDone], [[], true]);

  const lent = await client.mutation(api.pieces.add_film, { name: "lent" });
  const failed = await failureOf(client.query(api.pieces.get, { piece: lent }));
  const failure = declaredError(api.pieces.get, failed);
  assert.ok(failure?._tag === "Lent");
  assert.deepEqual(failure, { _tag: "Lent", to: "the museum", days: 7 });
  assert.equal(declaredError(api.pieces.Admin.remove, failed), undefined);
  assert.equal(declaredError(api.pieces.get, new Error("Lent")), undefined);

  const stopped = await failureOf(client.mutation(api.pieces.Admin.remove, { piece }));
  assert.deepEqual(declaredError(api.pieces.Admin.remove, stopped), { _tag: "NotSignedIn" });
  const unnamed = await failureOf(client.query(api.pieces.Admin.default, {}));
  assert.deepEqual(declaredError(api.pieces.Admin.default, unnamed), { _tag: "NotSignedIn" });
}

await socket.close();
console.log("every value came back as its type");
