import { useConvexAuth, useMutation, useQuery } from "convex/react";
import { useEffect, useState } from "react";

import { api, type User } from "../../chat/_generated/api";
import { ConnectionBanner } from "./ConnectionBanner";
import { Fallback } from "./Fallback";
import { Room } from "./Room";
import { useSession } from "./session";
import { Sidebar } from "./Sidebar";
import { SignIn } from "./SignIn";
import { useHash } from "./useHash";
import { useHeartbeat } from "./useHeartbeat";

/** Whoever has a token and is known to the backend sees the chat, and all others how to sign in. */
export function App() {
  const { name, signOut } = useSession();
  const { isLoading, isAuthenticated } = useConvexAuth();
  if (name === null) return <SignIn />;
  if (isLoading) return <Waiting />;
  const unknown = (
    <main className="alone">
      <p>This server does not know you as {name}.</p>
      <button className="primary" onClick={signOut}>
        Sign in again
      </button>
    </main>
  );
  if (!isAuthenticated) return unknown;
  return (
    <Fallback shown={unknown}>
      <Entrance key={name} />
    </Fallback>
  );
}

function Entrance() {
  const signIn = useMutation(api.account.sign_in);
  const [isKnown, setIsKnown] = useState(false);
  useEffect(() => {
    signIn().then(() => setIsKnown(true), console.error);
  }, [signIn]);
  const me = useQuery(api.account.me, isKnown ? {} : "skip");
  return me === undefined ? <Waiting /> : <Chat me={me} />;
}

function Chat({ me }: { me: User }) {
  useHeartbeat();
  const hash = useHash();
  const rooms = useQuery(api.rooms.list);
  const unread = rooms?.reduce((sum, room) => sum + room.unread, 0) ?? 0;
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) Chat` : "Chat";
  }, [unread]);
  if (rooms === undefined) return <Waiting />;
  const open = rooms.find((room) => room.id === hash);
  return (
    <>
      <ConnectionBanner />
      <div className={open ? "chat in-room" : "chat"}>
        <Sidebar me={me} rooms={rooms} open={open?.id} />
        {open ? (
          <Room key={open.id} me={me} room={open} />
        ) : (
          <main className="nothing">
            <img src="/icon.svg" alt="" width="56" height="56" />
            <p>{rooms.length > 0 ? "Choose a room." : "Create the first room."}</p>
          </main>
        )}
      </div>
    </>
  );
}

function Waiting() {
  return (
    <main className="alone" aria-busy="true">
      <span className="spinner large" />
      <ConnectionBanner />
    </main>
  );
}
