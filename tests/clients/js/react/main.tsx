// One component for each hook of convex/react. A test gives them their arguments with
// `window.set`, calls what they offer as `window.act`, and reads what they showed.

import { ConvexProviderWithAuth, ConvexReactClient } from "convex/react";
import { StrictMode, useCallback, useMemo, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";
import { Account, Actions, Boundary, Items, Pages, Piece } from "./components";
import { statesOf } from "./recorded";
import { current, set, subscribe } from "./settings";

/** Keeps what the client says, for the test to look at. */
class HeardWebSocket extends WebSocket {
  override send(data: string): void {
    window.sent.push(JSON.parse(data));
    super.send(data);
  }
}

const url = new URLSearchParams(location.search).get("server") ?? "";
const client = new ConvexReactClient(url, { webSocketConstructor: HeardWebSocket });

/** The identity provider of the test: signed in with the tokens that it was given. */
function useTestAuth() {
  const { tokens } = useSyncExternalStore(subscribe, current);
  const fetchAccessToken = useCallback(
    async ({ forceRefreshToken }: { forceRefreshToken: boolean }) => {
      window.asked.push(forceRefreshToken);
      return tokens?.[forceRefreshToken ? tokens.length - 1 : 0] ?? null;
    },
    [tokens],
  );
  return useMemo(
    () => ({ isLoading: false, isAuthenticated: tokens !== null, fetchAccessToken }),
    [tokens, fetchAccessToken],
  );
}

function Page() {
  const { upTo, size, piece } = useSyncExternalStore(subscribe, current);
  return (
    <>
      <Items upTo={upTo} />
      <Actions />
      {size !== null && <Pages size={size} upTo={upTo} />}
      <Account />
      {piece !== null && (
        <Boundary>
          <Piece id={piece} />
        </Boundary>
      )}
    </>
  );
}

window.asked = [];
window.sent = [];
window.set = set;
window.statesOf = statesOf;
// what components fail with is shown, and so need not be told in the console as well
createRoot(document.getElementById("root")!, { onCaughtError() {} }).render(
  <StrictMode>
    <ConvexProviderWithAuth client={client} useAuth={useTestAuth}>
      <Page />
    </ConvexProviderWithAuth>
  </StrictMode>,
);
