import { useMutation, useQuery } from "convex/react";
import { useState, type FormEvent } from "react";

import {
  api,
  declaredError,
  type DeclaredErrors,
  type Id,
  type RoomOverview,
  type User,
} from "../../chat/_generated/api";
import { Avatar } from "./Avatar";
import { UNEXPECTED, useTell } from "./failures";
import { LeaveIcon, PlusIcon } from "./icons";
import { useSession } from "./session";

/** The rooms, who is here, and who oneself is. */
export function Sidebar({
  me,
  rooms,
  open,
}: {
  me: User;
  rooms: RoomOverview[];
  open: Id<"rooms"> | undefined;
}) {
  return (
    <aside className="sidebar">
      <nav aria-label="Rooms">
        <h2>Rooms</h2>
        <ul>
          {rooms.map((room) => (
            <li key={room.id}>
              <a href={`#${room.id}`} aria-current={room.id === open ? "page" : undefined}>
                <span className="room-name">{room.name}</span>
                {room.unread > 0 && (
                  <span className="unread">
                    {room.unread > 99 ? "99+" : room.unread}
                    <span className="unseen"> unread</span>
                  </span>
                )}
                <span className="last">
                  {room.last ? `${room.last.author}: ${room.last.text}` : "Nothing said yet"}
                </span>
              </a>
            </li>
          ))}
        </ul>
        <NewRoom />
      </nav>
      <People />
      <Me me={me} />
    </aside>
  );
}

function NewRoom() {
  const create = useMutation(api.rooms.create);
  const tell = useTell();
  const [name, setName] = useState("");

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (!name.trim()) return;
    try {
      window.location.hash = await create({ name: name.trim() });
      setName("");
    } catch (error) {
      const declared = declaredError(api.rooms.create, error);
      tell(declared ? saying(declared) : UNEXPECTED);
    }
  }

  return (
    <form className="new-room" onSubmit={submit}>
      <input
        value={name}
        onChange={(event) => setName(event.target.value)}
        placeholder="New room"
        aria-label="Name of a new room"
        maxLength={40}
      />
      <button className="quiet" aria-label="Create the room" disabled={!name.trim()}>
        <PlusIcon />
      </button>
    </form>
  );
}

function saying(failure: DeclaredErrors<typeof api.rooms.create>): string {
  switch (failure._tag) {
    case "NameTaken":
      return `There is a room “${failure.name}” already.`;
    case "NotSignedIn":
      return "You are signed out.";
  }
}

function People() {
  const people = useQuery(api.presence.people);
  return (
    <section className="people" aria-label="People">
      <h2>People</h2>
      <ul>
        {people?.map((person) => (
          <li key={person.id} className={person.is_here ? "here" : undefined}>
            <Avatar name={person.name} isHere={person.is_here} />
            {person.name}
            <span className="unseen">{person.is_here ? ", here" : ", away"}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Me({ me }: { me: User }) {
  const { signOut } = useSession();
  const leave = useMutation(api.presence.leave);

  async function signOutHere() {
    // whatever comes of it: who is not told that somebody has left will find out
    await leave().catch(console.error);
    signOut();
  }

  return (
    <footer className="me">
      <Avatar name={me.name} />
      <strong>{me.name}</strong>
      <button className="quiet" onClick={signOutHere} aria-label="Sign out">
        <LeaveIcon />
      </button>
    </footer>
  );
}
