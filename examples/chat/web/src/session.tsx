// Who is signed in on this device, and their tokens. A real provider of identities brings a hook like
// `useTestIssuer` with it; nothing else has to change.

import {
  createContext,
  useCallback,
  useContext,
  useMemo,
  useState,
  type ReactNode,
} from "react";

type Session = {
  /** The name that somebody has signed in with. */
  name: string | null;
  signIn: (name: string) => void;
  signOut: () => void;
};

const KEPT_AS = "chat.name";
const RETRY_MS = 1000;

const SessionContext = createContext<Session | null>(null);

export function SessionProvider({ children }: { children: ReactNode }) {
  const [name, setName] = useState(() => localStorage.getItem(KEPT_AS));
  const session = useMemo(
    () => ({
      name,
      signIn: (signedIn: string) => {
        localStorage.setItem(KEPT_AS, signedIn);
        setName(signedIn);
      },
      signOut: () => {
        localStorage.removeItem(KEPT_AS);
        setName(null);
      },
    }),
    [name],
  );
  return <SessionContext value={session}>{children}</SessionContext>;
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error("there is no SessionProvider around this");
  return session;
}

/** What `ConvexProviderWithAuth` asks of a provider of identities. */
export function useTestIssuer() {
  const { name } = useSession();
  const fetchAccessToken = useCallback(
    async () => (name === null ? null : await fetchToken(name)),
    [name],
  );
  return useMemo(
    () => ({ isLoading: false, isAuthenticated: name !== null, fetchAccessToken }),
    [name, fetchAccessToken],
  );
}

/** A token for a name, or null if there is nobody who gives out any. */
async function fetchToken(name: string): Promise<string | null> {
  for (;;) {
    try {
      const response = await fetch("/test-issuer/token", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ name }),
      });
      if (response.ok) return ((await response.json()) as { token: string }).token;
      if (response.status < 500) return null;
    } catch {
      // no null: whose server is away for a moment is not signed out
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
