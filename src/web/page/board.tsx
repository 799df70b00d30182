import { useCallback, useMemo, useState } from 'preact/hooks';
import type { AboutAnswer, SeriesAnswer } from '../api/schemas.ts';
import { Advice } from './advice.tsx';
import { Availability } from './availability.tsx';
import { Changes } from './changes.tsx';
import { type Colours, coloursOf } from './colours.ts';
import { groupKey, valueText } from './format.ts';
import { Header } from './header.tsx';
import { Legend } from './legend.tsx';
import { NoteDialog, Notes } from './notes.tsx';
import { savePicture } from './picture.ts';
import { hasSeries, type Settings } from './settings.ts';
import { Tasks } from './tasks.tsx';
import { Timeline, type TimelineProps } from './timeline.tsx';
import type { View } from './timeline-drawing.ts';
import { arranged, type TimelineRow, timelineRows } from './timeline-rows.ts';
import { type SeriesData, useSeriesData } from './use-data.ts';
import { useSettings } from './use-settings.ts';
import { useTheme } from './use-theme.ts';
import { useView } from './use-view.ts';

const PIXELS = 1_200;

interface BoardProps {
  readonly about: AboutAnswer;
  readonly series: SeriesAnswer['series'];
}

/** A series: its timeline, and what lies below it. */
export function Board({ about, series }: BoardProps) {
  const [settings, change] = useSettings(series);
  const [view, setView] = useView(settings);
  const [marked, setMarked] = useState<View>();
  const isDark = useTheme(settings);
  const { colours, data, rows, shown } = useRows(settings, view);
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
        <Problem text={data.error ?? data.trouble} />
        <Advice
          series={series}
          settings={settings}
          rows={rows.length}
          shown={shown.length}
          isLoading={data.isLoading}
          hasError={data.error !== undefined}
        />
        {shown.length > 0 && (
          <Chart
            rows={shown}
            view={view}
            colours={colours}
            isDark={isDark}
            notes={data.notes}
            marked={marked}
            settings={settings}
            mayWrite={about.scope === 'write' || about.scope === 'admin'}
            onView={setView}
            onMark={setMarked}
            onChange={change}
          />
        )}
        {!settings.isEmbedded && hasSeries(settings) && (
          <Below
            about={about}
            settings={settings}
            data={data}
            rows={rows}
            shown={shown}
            view={view}
            colours={colours}
            isDark={isDark}
            onView={setView}
          />
        )}
        {!settings.isEmbedded && <Tasks about={about} />}
      </main>
      {!settings.isEmbedded && <Footer about={about} />}
      {marked !== undefined && (
        <NoteDialog
          marked={marked}
          settings={settings}
          rows={rows}
          onClose={() => setMarked(undefined)}
          onSaved={data.reload}
        />
      )}
    </>
  );
}

function Problem({ text }: { readonly text: string | undefined }) {
  if (text === undefined) return null;
  return (
    <p class="problem" role="alert">
      {text}
    </p>
  );
}

function Footer({ about }: { readonly about: AboutAnswer }) {
  return (
    <footer>
      edge-detect {about.version} · {about.source} · <a href="docs">API</a>
    </footer>
  );
}

/** The data of the view, as rows of the timeline: all of them, and those that are not filtered out. */
function useRows(settings: Settings, view: View) {
  const data = useSeriesData(settings, view, PIXELS);
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
  return { colours, data, rows, shown };
}

interface ChartProps
  extends Pick<TimelineProps, 'rows' | 'view' | 'colours' | 'isDark' | 'notes' | 'marked' | 'onView'> {
  readonly settings: Settings;
  readonly mayWrite: boolean;
  onMark(marked: View | undefined): void;
  onChange(changed: Partial<Settings>): void;
}

/** The timeline and its legend; who may not write marks nothing. */
function Chart({ mayWrite, onChange, onMark, settings, ...timeline }: ChartProps) {
  return (
    <>
      <Timeline
        {...timeline}
        hasFigures={true}
        onMark={(next) => onMark(mayWrite ? next : undefined)}
        onPick={(row) => onChange({ filter: settings.filter === row.name ? '' : row.name })}
      />
      <Legend
        colours={timeline.colours}
        mayWrite={mayWrite}
        isEmbedded={settings.isEmbedded}
        onMark={() => onMark(middleOf(timeline.view))}
      />
    </>
  );
}

interface BelowProps {
  readonly about: AboutAnswer;
  readonly settings: Settings;
  readonly data: SeriesData;
  readonly rows: readonly TimelineRow[];
  /** The rows that are not filtered out. */
  readonly shown: readonly TimelineRow[];
  readonly view: View;
  readonly colours: Colours;
  readonly isDark: boolean;
  onView(view: View): void;
}

/** What belongs to the series beside its timeline: changes, availability, notes. */
function Below({ about, colours, data, isDark, onView, rows, settings, shown, view }: BelowProps) {
  const showMs = useCallback(
    (ms: number) =>
      onView({ fromMs: ms - (view.toMs - view.fromMs) / 2, toMs: ms + (view.toMs - view.fromMs) / 2 }),
    [view, onView],
  );
  const keys = shown.length === rows.length ? undefined : new Set(shown.map(({ key }) => key));
  return (
    <>
      <Changes
        edges={filtered(data.edges, keys)}
        settings={settings}
        view={view}
        colours={colours}
        onShow={showMs}
        onPicture={() => savePicture({ rows: shown, view, colours, isDark, notes: data.notes }, settings)}
      />
      <Availability settings={settings} />
      <Notes about={about} settings={settings} notes={data.notes} onShow={showMs} onChanged={data.reload} />
    </>
  );
}

function middleOf({ fromMs, toMs }: View): View {
  const third = (toMs - fromMs) / 3;
  return { fromMs: fromMs + third, toMs: toMs - third };
}

function filtered(edges: SeriesData['edges'], keys: ReadonlySet<string> | undefined) {
  if (keys === undefined) return edges;
  return edges.filter(({ group }) => keys.has(groupKey(group)));
}

function valuesOf(data: SeriesData): Set<string> {
  return new Set([
    ...(data.states?.states ?? []).map(({ value }) => valueText(value)),
    ...(data.summary?.groups ?? []).flatMap(({ states }) => Object.keys(states)),
  ]);
}
