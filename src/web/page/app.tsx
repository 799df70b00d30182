import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { AboutAnswer, SeriesAnswer } from '../api/schemas.ts';
import { api, RequestError } from './api.ts';
import { Availability } from './availability.tsx';
import { Changes } from './changes.tsx';
import { coloursOf } from './colours.ts';
import { groupKey, valueText } from './format.ts';
import { Header, seriesSettings } from './header.tsx';
import { Legend } from './legend.tsx';
import { Login } from './login.tsx';
import { NoteForm, Notes } from './notes.tsx';
import { savePicture } from './picture.ts';
import { hasSeries, rangeMs, readSettings, type Settings, writeSettings } from './settings.ts';
import { Tasks } from './tasks.tsx';
import { Timeline } from './timeline.tsx';
import type { View } from './timeline-drawing.ts';
import { arranged, timelineRows } from './timeline-rows.ts';
import { textOf, useSeriesData } from './use-data.ts';

const RETRY_MS = 3_000;
/** How often a view that ends now runs on. */
const RUN_MS = 5_000;
const PIXELS = 1_200;

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

interface BoardProps {
  readonly about: AboutAnswer;
  readonly series: SeriesAnswer['series'];
}

function Board({ about, series }: BoardProps) {
  const [settings, change] = useSettings(series);
  const [view, setView] = useView(settings);
  const [marked, setMarked] = useState<View>();
  const data = useSeriesData(settings, view, PIXELS);
  const isDark = useTheme(settings);
  const rows = useMemo(
    () => timelineRows(data.intervals, data.states?.states ?? [], data.summary?.groups ?? []),
    [data.intervals, data.states, data.summary],
  );
  const shown = useMemo(
    () => arranged(rows, settings.filter, settings.sort),
    [rows, settings.filter, settings.sort],
  );
  const colours = useMemo(
    () => coloursOf(valuesOf(data), settings.up),
    [data.summary, data.states, settings.up],
  );
  const showMs = useCallback(
    (ms: number) =>
      setView({ fromMs: ms - (view.toMs - view.fromMs) / 2, toMs: ms + (view.toMs - view.fromMs) / 2 }),
    [view],
  );
  const mayWrite = about.scope === 'write' || about.scope === 'admin';
  return (
    <>
      {!settings.isEmbedded && (
        <Header
          settings={settings}
          series={series}
          values={colours.values}
          isLive={data.isLive}
          isLoading={data.isLoading}
          trouble={data.trouble}
          onChange={change}
        />
      )}
      <main>
        {(data.error ?? data.trouble) !== undefined && (
          <p class="problem" role="alert">
            {data.error ?? data.trouble}
          </p>
        )}
        <Advice
          series={series}
          settings={settings}
          rows={rows.length}
          shown={shown.length}
          isLoading={data.isLoading}
          hasError={data.error !== undefined}
        />
        {shown.length > 0 && (
          <>
            <Timeline
              rows={shown}
              view={view}
              colours={colours}
              isDark={isDark}
              notes={data.notes}
              marked={marked}
              hasFigures={true}
              onView={setView}
              onMark={(next) => setMarked(mayWrite ? next : undefined)}
              onPick={(row) => change({ filter: settings.filter === row.name ? '' : row.name })}
            />
            <Legend
              colours={colours}
              mayWrite={mayWrite}
              isEmbedded={settings.isEmbedded}
              onMark={() => setMarked(middleOf(view))}
            />
          </>
        )}
        {!settings.isEmbedded && hasSeries(settings) && (
          <>
            <Changes
              edges={filtered(
                data.edges,
                shown.length === rows.length ? undefined : new Set(shown.map(({ key }) => key)),
              )}
              settings={settings}
              view={view}
              colours={colours}
              onShow={showMs}
              onPicture={() =>
                savePicture({ rows: shown, view, colours, isDark, notes: data.notes }, settings)
              }
            />
            <Availability settings={settings} />
            <Notes
              about={about}
              settings={settings}
              notes={data.notes}
              onShow={showMs}
              onChanged={data.reload}
            />
          </>
        )}
        {!settings.isEmbedded && <Tasks about={about} />}
      </main>
      {!settings.isEmbedded && (
        <footer>
          edge-detect {about.version} · {about.source} · <a href="docs">API</a>
        </footer>
      )}
      {marked !== undefined && (
        <NoteDialog
          marked={marked}
          settings={settings}
          rows={rows}
          onClose={() => setMarked(undefined)}
          onSaved={() => {
            setMarked(undefined);
            data.reload();
          }}
        />
      )}
    </>
  );
}

/** The form comes once the pointer rests: while a range is marked it would be in the way. */
function NoteDialog(props: Parameters<typeof NoteForm>[0]) {
  const [isResting, setResting] = useState(false);
  useEffect(() => {
    setResting(false);
    const timer = setTimeout(() => setResting(true), 500);
    return () => clearTimeout(timer);
  }, [props.marked.fromMs, props.marked.toMs]);
  return isResting ? <NoteForm {...props} /> : null;
}

function middleOf({ fromMs, toMs }: View): View {
  const third = (toMs - fromMs) / 3;
  return { fromMs: fromMs + third, toMs: toMs - third };
}

function filtered(edges: ReturnType<typeof useSeriesData>['edges'], keys: ReadonlySet<string> | undefined) {
  if (keys === undefined) return edges;
  return edges.filter(({ group }) => keys.has(groupKey(group)));
}

function valuesOf(data: ReturnType<typeof useSeriesData>): Set<string> {
  return new Set([
    ...(data.states?.states ?? []).map(({ value }) => valueText(value)),
    ...(data.summary?.groups ?? []).flatMap(({ states }) => Object.keys(states)),
  ]);
}

interface AdviceProps {
  readonly series: BoardProps['series'];
  readonly settings: Settings;
  readonly rows: number;
  readonly shown: number;
  readonly isLoading: boolean;
  readonly hasError: boolean;
}

/** What is empty says what to do next. */
function Advice({ hasError, isLoading, rows, series, settings, shown }: AdviceProps) {
  if (hasError) return null;
  if (series.length === 0)
    return (
      <p class="empty">
        There is no measurement with states in this InfluxDB yet. Write some, for instance by{' '}
        <code>edge-detect feed --simulate adsl --influxdb URL --database telegraf</code>, and load this page
        again.
      </p>
    );
  if (!hasSeries(settings)) return <p class="empty">Choose a series above.</p>;
  if (rows === 0)
    return (
      <p class="empty">
        {isLoading ? 'Loading…' : 'No points in this series. Is it written to, and is it the right database?'}
      </p>
    );
  if (shown === 0) return <p class="empty">No group has “{settings.filter}” in its name or state.</p>;
  return null;
}

/** The settings in the address; a page without any shows the first series that there is. */
function useSettings(series: BoardProps['series']): [Settings, (changed: Partial<Settings>) => void] {
  const [settings, setSettings] = useState(() => {
    const read = readSettings(location.search);
    const [first] = series.filter(({ measurement }) => /edge|state/.test(measurement)).concat(series);
    return hasSeries(read) || first === undefined ? read : { ...read, ...seriesSettings(first), up: read.up };
  });
  const change = useCallback(
    (changed: Partial<Settings>) => setSettings((before) => ({ ...before, ...changed })),
    [],
  );
  useEffect(() => {
    history.replaceState(null, '', writeSettings(settings));
  }, [settings]);
  useEffect(() => {
    const onPopState = (): void => setSettings(readSettings(location.search));
    addEventListener('popstate', onPopState);
    return () => removeEventListener('popstate', onPopState);
  }, []);
  return [settings, change];
}

/** The part of time that is seen: what the address says; moved by hand it stays where it is, else it ends now. */
function useView(settings: Settings): [View, (view: View) => void] {
  const initial = (): View => {
    const span = rangeMs(settings.range);
    if (span !== undefined) return { fromMs: Date.now() - span, toMs: Date.now() };
    const [fromMs, toMs] = [Date.parse(settings.from), Date.parse(settings.to)];
    if (fromMs < toMs) return { fromMs, toMs };
    return { fromMs: Date.now() - 86_400_000, toMs: Date.now() };
  };
  const [view, setView] = useState(initial);
  useEffect(() => setView(initial()), [settings.range, settings.from, settings.to]);
  useEffect(() => {
    if (settings.range === '') return;
    const timer = setInterval(() => {
      // Only where now is in sight: who looks at last week does not want to be moved.
      setView((before) => {
        const span = before.toMs - before.fromMs;
        return Math.abs(Date.now() - before.toMs) < Math.max(2 * RUN_MS, span / 50)
          ? { fromMs: Date.now() - span, toMs: Date.now() }
          : before;
      });
    }, RUN_MS);
    return () => clearInterval(timer);
  }, [settings.range]);
  const move = useCallback((next: View) => setView(next), []);
  return [view, move];
}

function useTheme({ theme }: Settings): boolean {
  const [prefersDark, setPrefersDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const onChange = (): void => setPrefersDark(query.matches);
    query.addEventListener('change', onChange);
    return () => query.removeEventListener('change', onChange);
  }, []);
  const isDark = theme === 'dark' || (theme === 'system' && prefersDark);
  useEffect(() => {
    document.documentElement.dataset.theme = isDark ? 'dark' : 'light';
  }, [isDark]);
  return isDark;
}
