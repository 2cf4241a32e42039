// What the test has set; React is told of each change.

export type Settings = {
  /** The rank up to which items are asked for, or that they are not. */
  upTo: number | null | "skip";
  /** How many items a page begins with; without, there are no pages. */
  size: number | null;
  /** The tokens of whoever is signed in: the first is kept, the last one is new. */
  tokens: string[] | null;
  /** The piece that is looked at, if one is. */
  piece: string | null;
};

let settings: Settings = { upTo: null, size: null, tokens: null, piece: null };
const listeners = new Set<() => void>();

export function current(): Settings {
  return settings;
}

export function set(changes: Partial<Settings>): void {
  settings = { ...settings, ...changes };
  for (const listener of listeners) listener();
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

declare global {
  interface Window {
    set: typeof set;
    statesOf: (name: string) => unknown[];
    /** For each token that was asked for, whether it had to be a new one. */
    asked: boolean[];
    /** The messages of the client. */
    sent: unknown[];
    act: {
      add: (name: string, rank: number) => Promise<string>;
      remove: (name: string) => Promise<boolean>;
      shout: (name: string) => Promise<string>;
      loadMore: (count: number) => void;
      why: (id: string) => Promise<string | undefined>;
    };
  }
}
