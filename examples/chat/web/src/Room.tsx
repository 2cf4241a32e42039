import { useConvexConnectionState, useMutation, useQuery } from "convex/react";
import { useEffect, useState } from "react";

import { api, type RoomOverview, type User } from "../../chat/_generated/api";
import { Composer } from "./Composer";
import { Fallback } from "./Fallback";
import { BackIcon } from "./icons";
import { MessageList } from "./MessageList";

/** One room: what was said in it, who types, and a place to say something. */
export function Room({ me, room }: { me: User; room: RoomOverview }) {
  useReadMark(room);
  const people = useQuery(api.presence.people);
  const here = people?.filter((person) => person.is_here).length ?? 0;
  const [sent, setSent] = useState(0);
  return (
    <main className="room" aria-label={room.name}>
      <header>
        <a className="back" href="#" aria-label="Back to the rooms">
          <BackIcon />
        </a>
        <h1>{room.name}</h1>
        <span className="count">
          <span className="dot here" /> {here} here
        </span>
      </header>
      <Fallback shown={<p className="nothing">This room cannot be shown.</p>}>
        <MessageList me={me} room={room.id} sent={sent} />
      </Fallback>
      <Typing room={room} />
      <Composer me={me} room={room.id} onSend={() => setSent((count) => count + 1)} />
    </main>
  );
}

/** Tells the server that what is unread in this room is read, as soon as somebody looks at it. */
function useReadMark({ id, unread }: RoomOverview): void {
  const { isWebSocketConnected } = useConvexConnectionState();
  const read = useMutation(api.rooms.read).withOptimisticUpdate((store, { room }) => {
    const rooms = store.getQuery(api.rooms.list, {});
    const readOne = (each: RoomOverview) => (each.id === room ? { ...each, unread: 0 } : each);
    if (rooms) store.setQuery(api.rooms.list, {}, rooms.map(readOne));
  });
  useEffect(() => {
    if (unread === 0 || !isWebSocketConnected) return;
    const readIfSeen = () => {
      if (document.visibilityState === "visible") read({ room: id }).catch(console.error);
    };
    readIfSeen();
    document.addEventListener("visibilitychange", readIfSeen);
    return () => document.removeEventListener("visibilitychange", readIfSeen);
    // not `read`, which is another function each time
  }, [id, unread, isWebSocketConnected]);
}

function Typing({ room }: { room: RoomOverview }) {
  const names = useQuery(api.presence.typing, { room: room.id }) ?? [];
  // who typed when the server went away may have stopped long since
  const { isWebSocketConnected } = useConvexConnectionState();
  return (
    <p className="typing" aria-live="polite">
      {isWebSocketConnected && names.length > 0 && (
        <>
          <span className="typing-dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          {names.length > 3
            ? "Several people are typing"
            : `${names.join(", ")} ${names.length > 1 ? "are" : "is"} typing`}
        </>
      )}
    </p>
  );
}
