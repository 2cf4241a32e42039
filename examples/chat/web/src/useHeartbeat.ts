import { useConvexConnectionState, useMutation } from "convex/react";
import { useEffect } from "react";

import { api } from "../../chat/_generated/api";

const EVERY_MS = 10_000;

/** Tells the server that somebody looks at this page, as long as that is so. */
export function useHeartbeat(): void {
  const beat = useMutation(api.presence.beat);
  // without a server heartbeats would wait for it, and say then that somebody was here
  const { isWebSocketConnected } = useConvexConnectionState();
  useEffect(() => {
    if (!isWebSocketConnected) return;
    const beatIfSeen = () => {
      if (document.visibilityState === "visible") beat().catch(console.error);
    };
    beatIfSeen();
    const timer = setInterval(beatIfSeen, EVERY_MS);
    document.addEventListener("visibilitychange", beatIfSeen);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", beatIfSeen);
    };
  }, [beat, isWebSocketConnected]);
}
