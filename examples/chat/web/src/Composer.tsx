import { useConvexConnectionState, useMutation } from "convex/react";
import { useEffect, useRef, useState, type FormEvent, type KeyboardEvent } from "react";

import { api, type Id, type User } from "../../chat/_generated/api";
import { useTell } from "./failures";
import { CloseIcon, PictureIcon, SendIcon } from "./icons";
import { useDraft } from "./useDraft";
import { useSend } from "./useSend";

const TELL_TYPING_EVERY_MS = 3000;
const PICTURES = "image/png,image/jpeg,image/gif,image/webp,image/avif";

/** A place to write a message, with a picture if one likes. */
export function Composer({
  me,
  room,
  onSend,
}: {
  me: User;
  room: Id<"rooms">;
  onSend: () => void;
}) {
  const send = useSend(room, me);
  const tell = useTell();
  const typing = useTyping(room);
  const [{ text, file, isUploading }, change] = useDraft(me, room);
  const field = useRef<HTMLTextAreaElement>(null);
  const isEmpty = !text.trim() && file === null;
  // who comes back to what they have begun goes on at its end, where no browser puts the cursor
  useEffect(() => field.current?.setSelectionRange(-1, -1), []);

  async function submit(event?: FormEvent) {
    event?.preventDefault();
    if (isEmpty || isUploading) return;
    change(() => ({ text: "", file: null, isUploading: file !== null }));
    field.current?.focus();
    typing.ends();
    onSend();
    try {
      await send(text, file);
    } catch (error) {
      tell((error as Error).message);
      // nothing that somebody wrote is lost, not even what they have begun meanwhile
      change((begun) => ({
        text: begun.text ? `${text}\n${begun.text}` : text,
        file: begun.file ?? file,
      }));
    } finally {
      if (file !== null) change(() => ({ isUploading: false }));
    }
  }

  function sendOnEnter(event: KeyboardEvent) {
    const isEnd = event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing;
    if (!isEnd) return;
    event.preventDefault();
    void submit();
  }

  return (
    <form className="composer" onSubmit={submit}>
      {file && <Preview file={file} onRemove={() => change(() => ({ file: null }))} />}
      {isUploading && (
        <p className="uploading" role="status">
          <span className="spinner" /> Uploading…
        </p>
      )}
      <label className="quiet" title="Add a picture">
        <PictureIcon />
        <span className="unseen">Add a picture</span>
        <input
          className="unseen"
          type="file"
          accept={PICTURES}
          onChange={(event) => {
            const [chosen = null] = event.target.files ?? [];
            change(() => ({ file: chosen }));
            event.target.value = "";
            field.current?.focus();
          }}
        />
      </label>
      <textarea
        ref={field}
        rows={1}
        value={text}
        maxLength={4000}
        placeholder="Write a message"
        aria-label="Message"
        dir="auto"
        // where there is a mouse: elsewhere a keyboard would cover what one wants to read
        autoFocus={window.matchMedia("(hover: hover)").matches}
        onChange={(event) => {
          const { value } = event.target;
          change(() => ({ text: value }));
          typing.goesOn();
        }}
        onKeyDown={sendOnEnter}
      />
      <button className="primary round" aria-label="Send" disabled={isEmpty || isUploading}>
        <SendIcon />
      </button>
    </form>
  );
}

function Preview({ file, onRemove }: { file: File; onRemove: () => void }) {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return (
    <figure className="preview">
      <img src={url} alt={`Preview of ${file.name}`} />
      <button type="button" onClick={onRemove} aria-label="Remove the picture">
        <CloseIcon />
      </button>
    </figure>
  );
}

/** Tells others now and then that somebody types here; that they have sent ends it by itself. */
function useTyping(room: Id<"rooms">) {
  const type = useMutation(api.presence.type);
  const { isWebSocketConnected } = useConvexConnectionState();
  const toldAt = useRef(-Infinity);
  return {
    goesOn: () => {
      const now = performance.now();
      // that somebody typed is no news for those who hear of it later
      if (!isWebSocketConnected || now - toldAt.current < TELL_TYPING_EVERY_MS) return;
      toldAt.current = now;
      type({ room }).catch(console.error);
    },
    ends: () => {
      toldAt.current = -Infinity;
    },
  };
}
