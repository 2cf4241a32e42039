// What somebody has begun to write: kept for each room while they look at another one.

import { useCallback, useSyncExternalStore } from "react";

import type { Id, User } from "../../chat/_generated/api";

export type Draft = {
  text: string;
  file: File | null;
  /** Whether a picture is on its way that was sent from here. */
  isUploading: boolean;
};

const EMPTY: Draft = { text: "", file: null, isUploading: false };

const drafts = new Map<string, Draft>();
const listeners = new Set<() => void>();

/**
 * The draft of a person in a room, and what changes it, which also works when that room is shown no
 * more. Its text outlives a reload, in the storage of the tab: two tabs are two places to write.
 */
export function useDraft(me: User, room: Id<"rooms">) {
  const key = `chat.draft.${me._id}.${room}`;
  const draft = useSyncExternalStore(subscribe, () => read(key));
  const change = useCallback(
    (changed: (draft: Draft) => Partial<Draft>) => {
      const next = { ...read(key), ...changed(read(key)) };
      drafts.set(key, next);
      if (next.text) sessionStorage.setItem(key, next.text);
      else sessionStorage.removeItem(key);
      listeners.forEach((told) => told());
    },
    [key],
  );
  return [draft, change] as const;
}

function read(key: string): Draft {
  let draft = drafts.get(key);
  if (draft === undefined) {
    draft = { ...EMPTY, text: sessionStorage.getItem(key) ?? "" };
    drafts.set(key, draft);
  }
  return draft;
}

function subscribe(told: () => void) {
  listeners.add(told);
  return () => void listeners.delete(told);
}
