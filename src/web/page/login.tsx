import { useState } from 'preact/hooks';
import { api } from './api.ts';
import { textOf } from './use-data.ts';

/** Asks for a token where the server wants one. */
export function Login({ onDone }: { readonly onDone: () => void }) {
  const [error, setError] = useState<string>();
  const send = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const token = String(new FormData(event.currentTarget).get('token') ?? '').trim();
    try {
      await api.login(token);
      onDone();
    } catch (failure) {
      setError(textOf(failure));
    }
  };
  return (
    <main class="login">
      <h1>edge-detect</h1>
      <form onSubmit={(event) => void send(event)}>
        <label>
          Token
          <input name="token" type="password" autocomplete="current-password" required />
        </label>
        <p class="hint">
          Whoever runs this server makes one: <code>edge-detect web token new --scope read</code>
        </p>
        {error !== undefined && (
          <p class="problem" role="alert">
            {error}
          </p>
        )}
        <p class="buttons">
          <button type="submit" class="primary">
            go on
          </button>
        </p>
      </form>
    </main>
  );
}
