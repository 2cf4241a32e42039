import { useState, type FormEvent } from "react";

import { useSession } from "./session";

/** Takes anybody's word for their name, as the test issuer does. */
export function SignIn() {
  const { signIn } = useSession();
  const [name, setName] = useState("");

  function submit(event: FormEvent) {
    event.preventDefault();
    if (name.trim()) signIn(name.trim());
  }

  return (
    <main className="alone">
      <form className="sign-in" onSubmit={submit}>
        <img src="/icon.svg" alt="" width="64" height="64" />
        <h1>Chat</h1>
        <label htmlFor="name">What is your name?</label>
        <input
          id="name"
          value={name}
          onChange={(event) => setName(event.target.value)}
          maxLength={40}
          autoComplete="nickname"
          autoFocus
          required
        />
        <button className="primary">Enter</button>
        <p className="hint">
          A test issuer takes your word for it: whoever says the same name is the same person.
        </p>
      </form>
    </main>
  );
}
