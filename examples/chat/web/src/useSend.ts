// Messages that are shown before the server has them.

import { insertAtTop, useMutation } from "convex/react";
import { useCallback } from "react";

import {
  api,
  declaredError,
  type DeclaredErrors,
  type Id,
  type User,
} from "../../chat/_generated/api";
import { UNEXPECTED } from "./failures";

const PENDING = "pending:";

/** Where pictures of this device are, by the keys of their messages: who has sent one sees it at once. */
const ownPictures = new Map<string, string>();

/** Is this shown only because it was sent? */
export function isPending(message: { id: string }): boolean {
  return message.id.startsWith(PENDING);
}

/** Where to read the picture of a message. */
export function pictureOf(message: { key: string; picture: string | null }): string | null {
  return ownPictures.get(message.key) ?? message.picture;
}

/** Sends a message into a room; fails with a sentence to show. */
export function useSend(room: Id<"rooms">, me: User) {
  const uploadUrl = useMutation(api.messages.upload_url);
  const send = useMutation(api.messages.send).withOptimisticUpdate((store, message) => {
    insertAtTop({
      paginatedQuery: api.messages.page,
      argsToMatch: { room: message.room },
      localQueryStore: store,
      item: {
        id: (PENDING + message.key) as Id<"messages">,
        // the same as that of the message to come: React takes both for one
        key: message.key,
        at: Date.now(),
        author: me._id,
        author_name: me.name,
        text: message.text,
        picture: ownPictures.get(message.key) ?? null,
      },
    });
  });

  return useCallback(
    async (text: string, file: File | null) => {
      const key = newKey();
      try {
        const picture = file === null ? null : await upload(await uploadUrl(), file);
        if (file !== null) ownPictures.set(key, URL.createObjectURL(file));
        await send({ room, text, key, picture });
      } catch (error) {
        const declared = declaredError(api.messages.send, error);
        throw new Error(declared ? saying(declared) : UNEXPECTED, { cause: error });
      }
    },
    [room, send, uploadUrl],
  );
}

async function upload(url: string, file: File): Promise<Id<"_storage">> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": file.type },
    body: file,
  });
  if (!response.ok) throw new Error(`the upload was answered with ${response.status}`);
  return ((await response.json()) as { storageId: Id<"_storage"> }).storageId;
}

// every error that the function declares: with one missing, this does not compile
function saying(failure: DeclaredErrors<typeof api.messages.send>): string {
  switch (failure._tag) {
    case "EmptyMessage":
      return "There is nothing in this message.";
    case "NoSuchRoom":
      return "This room is gone.";
    case "NoSuchUpload":
      return "The picture did not arrive. Please choose it again.";
    case "NotAPicture":
      return `This is no picture that can be shown (${failure.content_type ?? "unknown"}).`;
    case "NotSignedIn":
      return "You are signed out.";
  }
}

function newKey(): string {
  // not randomUUID: that is missing where the page comes over http from another machine
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
