import { useConvexConnectionState } from "convex/react";

/** Says that the server is away, and what waits for it. */
export function ConnectionBanner() {
  const { isWebSocketConnected, hasEverConnected, inflightMutations } =
    useConvexConnectionState();
  const isLost = hasEverConnected && !isWebSocketConnected;
  return (
    <div role="status">
      {isLost && (
        <p className="banner">
          <span className="spinner" />
          Connecting again…{" "}
          {inflightMutations > 0 && "What you have sent will arrive."}
        </p>
      )}
    </div>
  );
}
