// What went wrong, told to whoever looks at the page, for a while.

import {
  createContext,
  useCallback,
  useContext,
  useState,
  type ReactNode,
} from "react";

import { CloseIcon } from "./icons";

const SHOWN_MS = 8000;

const TellContext = createContext<(failure: string) => void>(() => {});

export function FailuresProvider({ children }: { children: ReactNode }) {
  const [failures, setFailures] = useState<{ key: number; text: string }[]>([]);
  const drop = useCallback((key: number) => {
    setFailures((shown) => shown.filter((each) => each.key !== key));
  }, []);
  const tell = useCallback(
    (text: string) => {
      const key = performance.now();
      setFailures((shown) => [...shown, { key, text }]);
      setTimeout(drop, SHOWN_MS, key);
    },
    [drop],
  );
  return (
    <TellContext value={tell}>
      {children}
      <div className="failures" role="alert">
        {failures.map(({ key, text }) => (
          <p key={key}>
            {text}
            <button className="quiet" onClick={() => drop(key)} aria-label="Dismiss">
              <CloseIcon />
            </button>
          </p>
        ))}
      </div>
    </TellContext>
  );
}

/** Tells a failure in words. */
export function useTell(): (failure: string) => void {
  return useContext(TellContext);
}

/** What is said of a failure that no function declares. */
export const UNEXPECTED = "Something went wrong. Please try again.";
