import { useEffect, useState } from 'preact/hooks';
import type { AboutAnswer, SeriesAnswer } from '../api/schemas.ts';
import { api, RequestError } from './api.ts';
import { Board } from './board.tsx';
import { Login } from './login.tsx';
import { textOf } from './use-data.ts';

const RETRY_MS = 3_000;

/** The page: what the server is first, then the series that the address says. */
export function App() {
  const [about, setAbout] = useState<AboutAnswer>();
  const [series, setSeries] = useState<SeriesAnswer['series']>();
  const [error, setError] = useState<string>();
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    let retry: ReturnType<typeof setTimeout> | undefined;
    const load = async (): Promise<void> => {
      try {
        const answer = await api.about(abort.signal);
        setAbout(answer);
        if (answer.scope !== null) setSeries((await api.series(abort.signal)).series);
        setError(undefined);
      } catch (failure) {
        if (abort.signal.aborted) return;
        setError(textOf(failure));
        if (!(failure instanceof RequestError) || failure.status === 0 || failure.status >= 500)
          retry = setTimeout(load, RETRY_MS);
      }
    };
    void load();
    return () => {
      abort.abort();
      clearTimeout(retry);
    };
  }, [attempt]);
  if (about?.scope === null) return <Login onDone={() => setAttempt((before) => before + 1)} />;
  if (about === undefined || series === undefined)
    return (
      <main class="waiting">
        <h1>edge-detect</h1>
        <p role="status">{error ?? 'Asking what there is…'}</p>
      </main>
    );
  return <Board about={about} series={series} />;
}
