import { useSyncExternalStore } from "react";

function subscribe(told: () => void) {
  window.addEventListener("hashchange", told);
  return () => window.removeEventListener("hashchange", told);
}

/** What stands behind the # in the address: which room is open. */
export function useHash(): string {
  return useSyncExternalStore(subscribe, () => window.location.hash.slice(1));
}
