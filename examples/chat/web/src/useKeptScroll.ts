import { useCallback, useEffect, useLayoutEffect, useRef, type RefObject } from "react";

const AT_THE_END_PX = 48;

/**
 * Keeps what somebody reads where it is while messages are added before and after it; who is at the
 * end stays there. Returns what scrolls to the end.
 *
 * The list marks its messages with `data-message`. The first one that is seen is remembered with its
 * place, and put back there: browsers that anchor the scroll position themselves do not do so at the
 * very top, which is where one is when older messages come.
 */
export function useKeptScroll(
  list: RefObject<HTMLElement | null>,
  content: RefObject<HTMLElement | null>,
  messages: unknown,
): () => void {
  const isAtEnd = useRef(true);
  const seen = useRef<{ message: HTMLElement; top: number } | null>(null);

  const remember = useCallback(() => {
    const box = list.current;
    if (box === null) return;
    isAtEnd.current = box.scrollHeight - box.clientHeight - box.scrollTop < AT_THE_END_PX;
    const first = [...box.querySelectorAll<HTMLElement>("[data-message]")].find(
      (each) => each.offsetTop + each.offsetHeight > box.scrollTop,
    );
    seen.current = first === undefined ? null : { message: first, top: topOf(first, box) };
  }, [list]);

  const restore = useCallback(() => {
    const box = list.current;
    if (box === null) return;
    if (isAtEnd.current) {
      box.scrollTop = box.scrollHeight;
    } else if (seen.current?.message.isConnected) {
      box.scrollTop += topOf(seen.current.message, box) - seen.current.top;
    }
    remember();
  }, [list, remember]);

  useLayoutEffect(restore, [restore, messages]);

  useEffect(() => {
    const box = list.current;
    if (box === null || content.current === null) return;
    // pictures that have come, a keyboard that has opened, another size of the window
    const observer = new ResizeObserver(restore);
    observer.observe(content.current);
    observer.observe(box);
    box.addEventListener("scroll", remember, { passive: true });
    return () => {
      observer.disconnect();
      box.removeEventListener("scroll", remember);
    };
  }, [list, content, remember, restore]);

  return useCallback(() => {
    isAtEnd.current = true;
    restore();
  }, [restore]);
}

function topOf(message: HTMLElement, box: HTMLElement): number {
  return message.offsetTop - box.scrollTop;
}
