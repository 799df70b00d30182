import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { Edge, IntervalsAnswer, Note, StatesAnswer, SummaryAnswer } from '../api/schemas.ts';
import { api, listen, RequestError } from './api.ts';
import { hasSeries, type Settings, seriesParams } from './settings.ts';
import type { View } from './timeline-drawing.ts';

/** All that is shown of a series. */
export interface SeriesData {
  readonly intervals: IntervalsAnswer | undefined;
  readonly states: StatesAnswer | undefined;
  readonly summary: SummaryAnswer | undefined;
  readonly edges: readonly Edge[];
  readonly notes: readonly Note[];
  readonly isLoading: boolean;
  /** Why something could not be had, for people. */
  readonly error: string | undefined;
  /** Why no live edges come. */
  readonly trouble: string | undefined;
  readonly isLive: boolean;
  reload(): void;
}

const EDGES_SHOWN = 200;
/** A view that moves is asked for once it rests for so long. */
const REST_MS = 150;
/** Live edges that come together lead to one look. */
const GATHER_MS = 300;
const RETRY_MS = 3_000;
/** Some more is asked for on either side, so that moving a little shows something. */
const MARGIN = 0.25;

/** Keeps what is shown of a series in step with the view, and with what happens. */
export function useSeriesData(settings: Settings, view: View, pixels: number): SeriesData {
  const [data, setData] = useState<Omit<SeriesData, 'reload' | 'trouble' | 'isLive'>>({
    intervals: undefined,
    states: undefined,
    summary: undefined,
    edges: [],
    notes: [],
    isLoading: true,
    error: undefined,
  });
  const [trouble, setTrouble] = useState<string>();
  const [generation, setGeneration] = useState(0);
  const reload = useCallback(() => setGeneration((before) => before + 1), []);
  const key = seriesParams(settings).toString();
  const shown = { key, up: settings.up.join('\n'), stale: settings.stale };
  useEffect(() => {
    if (!hasSeries(settings)) return;
    const abort = new AbortController();
    const load = async (): Promise<void> => {
      setData((before) => ({ ...before, isLoading: true }));
      try {
        const loaded = await loadAll(settings, view, pixels, abort.signal);
        setData({ ...loaded, isLoading: false, error: undefined });
      } catch (error) {
        if (abort.signal.aborted) return;
        setData((before) => ({ ...before, isLoading: false, error: textOf(error) }));
        const isPassing = !(error instanceof RequestError) || error.status === 0 || error.status >= 500;
        if (isPassing) retry = setTimeout(load, RETRY_MS);
      }
    };
    let retry: ReturnType<typeof setTimeout> | undefined;
    const rest = setTimeout(load, REST_MS);
    return () => {
      clearTimeout(rest);
      clearTimeout(retry);
      abort.abort();
    };
  }, [shown.key, shown.up, shown.stale, Math.round(view.fromMs), Math.round(view.toMs), pixels, generation]);
  useLive(settings, key, reload, setTrouble, (edge) =>
    setData((before) => ({ ...before, edges: [edge, ...before.edges].slice(0, EDGES_SHOWN) })),
  );
  return { ...data, trouble, isLive: trouble === undefined && hasSeries(settings), reload };
}

function useLive(
  settings: Settings,
  key: string,
  reload: () => void,
  setTrouble: (text: string | undefined) => void,
  onEdge: (edge: Edge) => void,
): void {
  const handlers = useRef({ reload, onEdge });
  handlers.current = { reload, onEdge };
  useEffect(() => {
    if (!hasSeries(settings)) return;
    let gathered: ReturnType<typeof setTimeout> | undefined;
    const stop = listen(new URLSearchParams(key), {
      onEdge(edge) {
        handlers.current.onEdge(edge);
        gathered ??= setTimeout(() => {
          gathered = undefined;
          handlers.current.reload();
        }, GATHER_MS);
      },
      onTrouble: setTrouble,
    });
    return () => {
      clearTimeout(gathered);
      stop();
    };
  }, [key]);
}

async function loadAll(settings: Settings, view: View, pixels: number, signal: AbortSignal) {
  const span = view.toMs - view.fromMs;
  const range = (margin: number): URLSearchParams => {
    const params = seriesParams(settings);
    params.set('from', new Date(view.fromMs - span * margin).toISOString());
    params.set('to', new Date(Math.min(view.toMs + span * margin, Date.now())).toISOString());
    return params;
  };
  const withStale = (params: URLSearchParams): URLSearchParams => {
    if (settings.stale !== '') params.set('stale', settings.stale);
    return params;
  };
  const wide = withStale(range(MARGIN));
  wide.set('pixels', String(Math.max(1, Math.round(pixels * (1 + 2 * MARGIN)))));
  const figures = withStale(range(0));
  for (const value of settings.up) figures.append('up', value);
  const table = range(0);
  table.set('order', 'newest');
  table.set('limit', String(EDGES_SHOWN));
  const about = new URLSearchParams({
    database: settings.database,
    measurement: settings.measurement,
    from: new Date(view.fromMs - span).toISOString(),
    to: new Date(view.toMs + span).toISOString(),
  });
  const [intervals, states, summary, { edges }, { notes }] = await Promise.all([
    api.intervals(wide, signal),
    api.states(withStale(seriesParams(settings)), signal),
    api.summary(figures, signal),
    api.edges(table, signal),
    api.notes(about, signal).catch(() => ({ notes: [] })),
  ]);
  return { intervals, states, summary, edges, notes };
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
