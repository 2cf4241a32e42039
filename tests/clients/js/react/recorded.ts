// What components have shown, state by state, for the test to look at afterwards.

import { useLayoutEffect } from "react";

const shown: Record<string, unknown[]> = {};

/** Note a state that is on the screen, unless it is the one that was there before. */
export function useRecorded(name: string, state: unknown): void {
  const text = JSON.stringify(state ?? null);
  useLayoutEffect(() => {
    const states = (shown[name] ??= []);
    if (JSON.stringify(states.at(-1)) !== text) states.push(JSON.parse(text));
  }, [name, text]);
}

/** All states of a component so far, oldest first. */
export function statesOf(name: string): unknown[] {
  return shown[name] ?? [];
}
