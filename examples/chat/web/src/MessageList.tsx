import { usePaginatedQuery } from "convex/react";
import { Fragment, useEffect, useMemo, useRef } from "react";

import { api, type Id, type ShownMessage, type User } from "../../chat/_generated/api";
import { Avatar } from "./Avatar";
import { useKeptScroll } from "./useKeptScroll";
import { isPending, pictureOf } from "./useSend";

const PAGE = 30;
/** How far from the end of what is loaded more is asked for. */
const AHEAD = "600px";
const BELONGS_TOGETHER_MS = 5 * 60_000;

/** The messages of a room, the newest at the end; older ones come as one scrolls up. */
export function MessageList({
  me,
  room,
  sent,
}: {
  me: User;
  room: Id<"rooms">;
  /** Counts what oneself has sent: each brings the end into view. */
  sent: number;
}) {
  const { results, status, loadMore } = usePaginatedQuery(
    api.messages.page,
    { room },
    { initialNumItems: PAGE },
  );
  const messages = useMemo(() => [...results].reverse(), [results]);

  const list = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const scrollToEnd = useKeptScroll(list, content, messages);
  useEffect(() => {
    if (sent > 0) scrollToEnd();
  }, [sent, scrollToEnd]);

  const begin = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (status !== "CanLoadMore" || begin.current === null) return;
    const observer = new IntersectionObserver(
      ([entry]) => entry?.isIntersecting && loadMore(PAGE),
      { root: list.current, rootMargin: `${AHEAD} 0px 0px 0px` },
    );
    observer.observe(begin.current);
    return () => observer.disconnect();
  }, [status, loadMore]);

  return (
    <div
      className="messages"
      ref={list}
      tabIndex={0}
      role="log"
      aria-label="Messages"
      aria-busy={status === "LoadingMore"}
    >
      <div ref={content}>
        <div ref={begin} className="begin">
          {status === "Exhausted" && messages.length > 0 && "This is where it began."}
          {status === "Exhausted" && messages.length === 0 && "Say the first word."}
          {(status === "LoadingFirstPage" || status === "LoadingMore") && (
            <span className="spinner" />
          )}
        </div>
        {messages.map((message, index) => (
          <Fragment key={message.key}>
            <Day message={message} before={messages[index - 1]} />
            <Bubble message={message} before={messages[index - 1]} me={me} />
          </Fragment>
        ))}
      </div>
    </div>
  );
}

function Day({ message, before }: { message: ShownMessage; before: ShownMessage | undefined }) {
  const day = new Date(message.at).toDateString();
  if (before && new Date(before.at).toDateString() === day) return null;
  const isToday = day === new Date().toDateString();
  const format = { weekday: "long", day: "numeric", month: "long" } as const;
  return (
    <p className="day">
      {isToday ? "Today" : new Date(message.at).toLocaleDateString(undefined, format)}
    </p>
  );
}

function Bubble({
  message,
  before,
  me,
}: {
  message: ShownMessage;
  before: ShownMessage | undefined;
  me: User;
}) {
  const isMine = message.author === me._id;
  const isFirst =
    before?.author !== message.author || message.at - before.at > BELONGS_TOGETHER_MS;
  const picture = pictureOf(message);
  const time = new Date(message.at);
  const classes = ["message"];
  if (isMine) classes.push("mine");
  if (isFirst) classes.push("first");
  if (isPending(message)) classes.push("pending");
  return (
    <article className={classes.join(" ")} data-message={message.key}>
      {!isMine && isFirst && <Avatar name={message.author_name} />}
      <div className={picture === null ? "bubble" : "bubble has-picture"}>
        {isFirst && <h3 className={isMine ? "unseen" : undefined}>{message.author_name}</h3>}
        {picture !== null && (
          <a href={picture} target="_blank" rel="noreferrer">
            <img src={picture} alt={`A picture from ${message.author_name}`} />
          </a>
        )}
        {message.text && <p dir="auto">{message.text}</p>}
        <time dateTime={time.toISOString()}>
          {time.toLocaleTimeString(undefined, { hour: "numeric", minute: "2-digit" })}
        </time>
      </div>
    </article>
  );
}
