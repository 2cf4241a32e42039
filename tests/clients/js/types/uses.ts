// What the types of `api.ts` allow, and, below each @ts-expect-error, what they do not.

import { ConvexClient, ConvexHttpClient } from "convex/browser";
import {
  useAction,
  useMutation,
  usePaginatedQuery,
  useQuery,
} from "convex/react";
import type {
  FunctionArgs,
  FunctionReference,
  FunctionReturnType,
} from "convex/server";
import {
  api,
  declaredError,
  internal,
  type DeclaredErrors,
  type Doc,
  type Doc2,
  type Everything,
  type EverythingInput,
  type Folder,
  type FolderInput,
  type Id,
  type Item,
  type Lent,
  type NoSuchPiece,
  type NotSignedIn,
  type Remark,
  type RemarkInput,
  type TableNames,
} from "../../../codegen/golden/gallery/gallery/_generated/api.ts";

/** Compiles for two types that are the same, and for nothing else. */
function same<Left, Right>(
  ..._: (<T>() => T extends Left ? 1 : 2) extends <T>() => T extends Right
    ? 1
    : 2
    ? []
    : [never]
): void {}

declare const client: ConvexClient;
declare const http: ConvexHttpClient;
declare const piece: Id<"pieces">;
declare const artist: Id<"artists">;
declare const given: EverythingInput;
declare const caught: unknown;

export async function functions() {
  same<Awaited<ReturnType<typeof asked>>, Doc<"pieces">>();
  const asked = () => client.query(api.pieces.get, { piece });
  await http.query(api.pieces.list);
  await http.query(api.pieces.list, {});
  await client.action(api.items.shout, { name: "a" });
  await client.mutation(api.pieces.Admin.remove, { piece });
  await http.query(api.pieces.Admin.default);
  client.onUpdate(api.account.who, {}, (who: string | null) => who);

  // @ts-expect-error there is no such function
  await client.query(api.pieces.gone, {});
  // @ts-expect-error there is no such group
  await client.query(api.nothing.get, {});
  // @ts-expect-error it is a mutation
  await client.query(api.items.add, { name: "a", rank: 1 });
  // @ts-expect-error it is an action
  await client.mutation(api.items.shout, { name: "a" });
  // @ts-expect-error it is internal
  await client.mutation(internal.pieces.clear, {});
  // @ts-expect-error it is not public
  await client.mutation(api.pieces.clear, {});
  // @ts-expect-error an argument is missing
  await client.mutation(api.items.add, { name: "a" });
  // @ts-expect-error all arguments are missing
  await http.query(api.pieces.get);
  // @ts-expect-error an argument is too many
  await client.mutation(api.items.add, { name: "a", rank: 1, more: 1 });
  // @ts-expect-error it takes no arguments
  await http.query(api.pieces.list, { more: 1 });
  // @ts-expect-error an argument is of another type
  await client.mutation(api.items.add, { name: "a", rank: "1" });
  // @ts-expect-error a bigint is no number
  await client.mutation(api.items.add, { name: "a", rank: 1n });
  // @ts-expect-error it answers something else
  const wrong: Promise<string> = client.query(api.items.list, {});
  return wrong;
}

export function ids() {
  const text: string = piece;
  same<FunctionArgs<typeof api.pieces.get>, { piece: Id<"pieces"> }>();
  same<FunctionReturnType<typeof api.items.artist>, Id<"artists">>();
  same<TableNames, "artists" | "pieces" | "items">();

  // @ts-expect-error an id of another table
  void client.query(api.pieces.get, { piece: artist });
  // @ts-expect-error a string is no id
  void client.query(api.pieces.get, { piece: text });
  // @ts-expect-error there is no such table
  type Nothing = Id<"piece">;
  // @ts-expect-error there is no such table
  type NoDocument = Doc<"piece">;
  return (nothing: Nothing, document: NoDocument) => [nothing, document];
}

export function documents(found: Doc<"pieces">, item: Doc<"items">) {
  same<Doc<"items">, Item>();
  same<typeof item._id, Id<"items">>();
  same<typeof item._creationTime, number>();
  same<Doc<"artists">["website"], string | undefined>();
  same<Doc<"artists">["style"], "modern" | "classic">();
  if (found.kind === "painting") {
    return found.size.unit === "cm" ? found.size.width : found.size.height;
  }
  same<typeof found.kind, "film" | "video">();
  // @ts-expect-error only paintings have a size
  const size = found.size;
  // @ts-expect-error there is no such kind
  const is = found.kind === "poster";
  // @ts-expect-error fields are named as on the wire
  const id = item.id;
  return [found.length, size, is, id];
}

export function values(value: Everything) {
  same<Everything["big"], bigint>();
  same<Everything["data"], ArrayBuffer>();
  same<Everything["nothing"], null>();
  same<Everything["at"], number>();
  same<Everything["took"], number>();
  same<Everything["day"], string>();
  same<Everything["price"], string>();
  same<Everything["key"], string>();
  same<Everything["link"], string>();
  same<Everything["address"], string>();
  same<Everything["shouted"], string>();
  same<Everything["rating"], 1 | 2>();
  same<
    Everything["constant"],
    "it's" | 'a "b"' | 1 | -2 | true | null
  >();
  same<Everything["pair"], [number, string]>();
  same<Everything["many"], string[]>();
  same<Everything["distinct"], number[]>();
  same<Everything["styles"], ("modern" | "classic")[]>();
  same<Everything["file"], Id<"_storage"> | null>();
  same<Everything["tags"], string[]>();
  same<Everything["doc"], Doc2>();
  same<Everything["handle"], string>();
  same<Everything["box"], { item: Everything["size"] }>();
  same<Everything["labels"], { color: string; shade?: string }>();
  same<(typeof value)["by_style"]["modern"], number | undefined>();
  const payment = value.payment;
  same<typeof payment, { kind: "card"; number: string } | { kind: "cash"; amount: bigint }>();
  if (payment.kind === "cash") same<typeof payment.amount, bigint>();

  // what has a default may be left out of what is sent, and is there in what is received
  same<Everything["defaulted"], number>();
  same<EverythingInput["defaulted"], number | undefined>();
  const { defaulted: _, ...rest } = given;
  const sent: EverythingInput = rest;
  // @ts-expect-error it would be received
  const received: Everything = rest;
  // None as a default is left out of what travels, so that it is never null
  same<Everything["optional"], string | undefined>();
  same<EverythingInput["optional"], string | null | undefined>();
  same<Everything["absent"], string | null | undefined>();
  return [sent, received];
}

export function optional(value: Everything) {
  // @ts-expect-error it may be absent
  const text: string = value.optional;
  // @ts-expect-error it may be null
  const absent: string | undefined = value.absent;
  const echo = (value: EverythingInput) => client.query(api.values.echo, { value });
  void echo(given);
  void echo({ ...given, payment: { kind: "cash", amount: 1n } });
  // @ts-expect-error a payment says which one it is
  void echo({ ...given, payment: { amount: 1n } });
  // @ts-expect-error an int64 is a bigint
  void echo({ ...given, big: 1 });
  // @ts-expect-error bytes are an ArrayBuffer
  void echo({ ...given, data: "bytes" });
  // @ts-expect-error an instant is milliseconds
  void echo({ ...given, at: new Date() });
  // @ts-expect-error a set is an array
  void echo({ ...given, distinct: new Set([1]) });
  // @ts-expect-error no member of the enum
  void echo({ ...given, style: "gothic" });
  // @ts-expect-error no name of the record
  void echo({ ...given, by_style: { gothic: 1 } });
  // @ts-expect-error too long
  void echo({ ...given, pair: [1, "a", 2] });
  return [text, absent];
}

export function recursion(remark: Remark, folder: Folder) {
  same<Remark["replies"], Remark[]>();
  const small: RemarkInput = { text: "a", replies: [{ text: "b" }] };
  const shelved: FolderInput = {
    name: "a",
    shelf: { folders: { b: { name: "b", shelf: null } } },
  };
  // @ts-expect-error what is received has all fields, all the way down
  const whole: Remark = { text: "a", replies: [{ text: "b" }] };
  // @ts-expect-error what is received has no null there
  const shelf: Folder = shelved;
  return [small, whole, shelf, remark.replies[0]?.replies, folder.shelf?.folders["b"]];
}

export async function pages() {
  const { page, isDone, continueCursor } = await client.query(api.items.page, {
    up_to: 3,
    paginationOpts: { numItems: 10, cursor: null },
  });
  same<typeof page, Item[]>();
  const shown = usePaginatedQuery(api.items.page, {}, { initialNumItems: 3 });
  same<typeof shown.results, Item[]>();
  usePaginatedQuery(api.items.page, { up_to: 3 }, { initialNumItems: 3 });
  usePaginatedQuery(api.items.page, "skip", { initialNumItems: 3 });

  // @ts-expect-error it answers no pages
  usePaginatedQuery(api.items.list, {}, { initialNumItems: 3 });
  // @ts-expect-error an argument is of another type
  usePaginatedQuery(api.items.page, { up_to: "3" }, { initialNumItems: 3 });
  // @ts-expect-error there is no such argument
  usePaginatedQuery(api.items.page, { above: 3 }, { initialNumItems: 3 });
  // @ts-expect-error it has to say which page
  await client.query(api.items.page, { up_to: 3 });
  return [isDone, continueCursor];
}

export function hooks() {
  same<typeof items, Item[] | undefined>();
  const items = useQuery(api.items.list, {});
  useQuery(api.items.list, { up_to: 3 });
  useQuery(api.items.list, { up_to: null });
  useQuery(api.items.list, "skip");
  useQuery(api.account.who);
  const add = useMutation(api.items.add).withOptimisticUpdate((local, args) => {
    same<typeof args, { name: string; rank: number }>();
    const before = local.getQuery(api.items.list, {}) ?? [];
    const _creationTime = 0;
    const _id = "new" as Id<"items">;
    local.setQuery(api.items.list, {}, [...before, { _id, _creationTime, ...args }]);
    // @ts-expect-error no such document
    local.setQuery(api.items.list, {}, [{ ...args }]);
  });
  void add({ name: "a", rank: 1 });
  const shout = useAction(api.items.shout);
  same<ReturnType<typeof shout>, Promise<string>>();

  // @ts-expect-error an argument is missing
  useQuery(api.pieces.get);
  // @ts-expect-error an argument is missing
  void add({ name: "a" });
  // @ts-expect-error it is a query
  useMutation(api.items.list);
  // @ts-expect-error it is a mutation
  useQuery(api.items.add, { name: "a", rank: 1 });
}

export function errors() {
  same<DeclaredErrors<typeof api.pieces.get>, NoSuchPiece | Lent>();
  same<DeclaredErrors<typeof api.pieces.Admin.remove>, NoSuchPiece | NotSignedIn>();
  same<DeclaredErrors<typeof api.pieces.list>, never>();
  const failure = declaredError(api.pieces.get, caught);
  same<typeof failure, NoSuchPiece | Lent | undefined>();
  same<ReturnType<typeof none>, undefined>();
  const none = () => declaredError(api.pieces.list, caught);
  if (failure?._tag === "Lent") same<typeof failure.days, number>();
  // @ts-expect-error the function does not declare it
  if (failure?._tag === "NotSignedIn") return null;
  // @ts-expect-error only one of the errors has this field
  return failure?.days;
}

export function plain() {
  void client.query(api.pieces.search, { text: "a" });
  void client.query(api.pieces.search, { text: "a", artist, limit: 3 });
  void client.query(api.pieces.search, { text: "a", artist: null });
  same<FunctionReturnType<typeof api.pieces.search>, Id<"pieces">[]>();
  // @ts-expect-error it has no default
  void client.query(api.pieces.search, { limit: 3 });
  // @ts-expect-error an argument is of another type
  void client.query(api.pieces.search, { text: "a", limit: "3" });
}

/** References are those of the package, wherever it or anybody else takes one. */
export const references: FunctionReference<"query" | "mutation" | "action">[] = [
  api.values.echo,
  api.pieces.get,
  api.items.add,
  api.items.shout,
];
