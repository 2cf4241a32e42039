import {
  useAction,
  useConvex,
  useConvexAuth,
  useMutation,
  usePaginatedQuery,
  useQuery,
} from "convex/react";
import { Component, type ReactNode, useEffect } from "react";
import {
  api,
  declaredError,
  type Id,
  type Item,
} from "../../../codegen/golden/gallery/gallery/_generated/api.ts";
import { useRecorded } from "./recorded";

function names(items: Item[]): string[] {
  return items.map((item) => item.name);
}

/** `useQuery`, skipped or not. */
export function Items({ upTo }: { upTo: number | null | "skip" }) {
  const items = useQuery(api.items.list, upTo === "skip" ? "skip" : { up_to: upTo });
  useRecorded("items", items && names(items));
  return <ul id="items">{items?.map((item) => <li key={item._id}>{item.name}</li>)}</ul>;
}

/** `useMutation`, optimistic where something is added, and `useAction`. */
export function Actions() {
  const convex = useConvex();
  const remove = useMutation(api.items.remove);
  const shout = useAction(api.items.shout);
  const add = useMutation(api.items.add).withOptimisticUpdate((local, { name, rank }) => {
    const item = { _id: name as Id<"items">, _creationTime: 0, name: `*${name}`, rank };
    const items = local.getQuery(api.items.list, { up_to: null });
    if (items === undefined) return;
    const changed = [...items, item].sort((one, other) => one.rank - other.rank);
    local.setQuery(api.items.list, { up_to: null }, changed);
  });
  useEffect(() => {
    Object.assign((window.act ??= {} as Window["act"]), {
      add: (name: string, rank: number) => add({ name, rank }),
      remove: (name: string) => remove({ name }),
      shout: (name: string) => shout({ name }),
      async why(id: string) {
        try {
          await convex.query(api.pieces.get, { piece: id as Id<"pieces"> });
          return undefined;
        } catch (error) {
          return declaredError(api.pieces.get, error)?._tag;
        }
      },
    });
  }, [add, remove, shout, convex]);
  return null;
}

/** `usePaginatedQuery`, which is asked for more by the test. */
export function Pages({ size, upTo }: { size: number; upTo: number | null | "skip" }) {
  const args = upTo === "skip" ? "skip" : { up_to: upTo };
  const { results, status, loadMore } = usePaginatedQuery(api.items.page, args, {
    initialNumItems: size,
  });
  useRecorded("pages", { names: names(results), status });
  useEffect(() => {
    Object.assign((window.act ??= {} as Window["act"]), { loadMore });
  }, [loadMore]);
  return <ol id="pages">{results.map((item) => <li key={item._id}>{item.name}</li>)}</ol>;
}

/** `useConvexAuth`, beside what the server says of the caller. */
export function Account() {
  const { isLoading, isAuthenticated } = useConvexAuth();
  const who = useQuery(api.account.who);
  useRecorded("account", { isLoading, isAuthenticated, who });
  return <p id="account">{who}</p>;
}

/** `useQuery` of what fails with declared errors. */
export function Piece({ id }: { id: string }) {
  const piece = useQuery(api.pieces.get, { piece: id as Id<"pieces"> });
  useRecorded("piece", piece?.title);
  return <p>{piece?.title}</p>;
}

function Failed({ error }: { error: unknown }) {
  const failure = declaredError(api.pieces.get, error);
  useRecorded("piece", failure?._tag ?? String(error));
  return <p>{failure?._tag}</p>;
}

/** Shows what its children failed with. */
export class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    return error === null ? this.props.children : <Failed error={error} />;
  }
}
