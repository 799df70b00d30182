import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { GroupSummary, Note } from '../api/schemas.ts';
import type { Colours } from './colours.ts';
import { axisTicks, formatMoment, formatSeconds, formatShare, valueText } from './format.ts';
import { drawTimeline, isAbout, ROW_HEIGHT, type View } from './timeline-drawing.ts';
import { intervalAt, type TimelineRow } from './timeline-rows.ts';
import { useGestures } from './use-gestures.ts';

export interface TimelineProps {
  readonly rows: readonly TimelineRow[];
  readonly view: View;
  readonly colours: Colours;
  readonly isDark: boolean;
  readonly notes: readonly Note[];
  readonly marked: View | undefined;
  readonly hasFigures: boolean;
  onView(view: View): void;
  onMark(marked: View | undefined): void;
  onPick(row: TimelineRow): void;
}

interface Cursor {
  readonly row: number;
  readonly ms: number;
}

const MAX_ROWS_SEEN = 22;

/** Each group's states in time: a row a group, drawn on a canvas, with names and figures beside it. */
export function Timeline(props: TimelineProps) {
  const { colours, isDark, marked, notes, rows, view } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const scroller = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(600);
  const [scrollTop, setScrollTop] = useState(0);
  const [cursor, setCursor] = useState<Cursor>();
  const [pointer, setPointer] = useState<{ readonly x: number; readonly y: number }>();
  const height = Math.max(2, Math.min(rows.length, MAX_ROWS_SEEN)) * ROW_HEIGHT;
  useWidth(canvas, setWidth);
  useDrawing(canvas, width, height, (context) =>
    drawTimeline(context, { rows, scrollTop, width, height, view, colours, isDark, notes, marked, cursor }),
  );
  const cursorAt = useCallback(
    (x: number, y: number): Cursor => ({
      row: Math.max(0, Math.min(rows.length - 1, Math.floor((y + scrollTop) / ROW_HEIGHT))),
      ms: view.fromMs + (x / width) * (view.toMs - view.fromMs),
    }),
    [rows.length, scrollTop, view, width],
  );
  useGestures(canvas, {
    view,
    width,
    onView: props.onView,
    onMark: props.onMark,
    onHover: (x, y) => {
      setPointer(x === undefined || y === undefined ? undefined : { x, y });
      setCursor(x === undefined || y === undefined ? undefined : cursorAt(x, y));
    },
  });
  const onKeyDown = useKeys(props, cursor, setCursor, scroller);
  const first = Math.floor(scrollTop / ROW_HEIGHT);
  const seen = rows.slice(first, first + MAX_ROWS_SEEN + 1);
  const pointed = cursor === undefined ? undefined : rows[cursor.row];
  return (
    <section class="timeline" aria-label="Timeline of states">
      <section
        class="scroller"
        ref={scroller}
        style={{ height: `${height}px` }}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keys move the view, and the rows scroll
        tabIndex={0}
        aria-label="States in time. Arrow keys move in time and between groups, plus and minus zoom, n marks a range for a note, Home goes to now."
        onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
        onKeyDown={onKeyDown}
        onBlur={() => setCursor(undefined)}
      >
        <div class="sizer" style={{ height: `${Math.max(rows.length * ROW_HEIGHT, height)}px` }}>
          <canvas ref={canvas} class="states" style={{ height: `${height}px` }} />
          <ul class="rows">
            {seen.map((row, index) => (
              <li key={row.key} class="row" style={{ top: `${(first + index) * ROW_HEIGHT}px` }}>
                <RowName row={row} colours={colours} onPick={props.onPick} />
                {props.hasFigures && <RowFigures row={row} />}
              </li>
            ))}
          </ul>
        </div>
      </section>
      <Axis view={view} width={width} />
      {pointed !== undefined && cursor !== undefined && pointer !== undefined && (
        <Tooltip
          row={pointed}
          ms={cursor.ms}
          view={view}
          notes={notes}
          x={pointer.x}
          y={pointer.y}
          width={width}
        />
      )}
      <p class="visually-hidden" role="status">
        {pointed !== undefined && cursor !== undefined && pointer === undefined
          ? spoken(pointed, cursor.ms, view)
          : ''}
      </p>
    </section>
  );
}

/** Draws at every rendering, as sharply as the screen can. */
function useDrawing(
  canvas: { readonly current: HTMLCanvasElement | null },
  width: number,
  height: number,
  draw: (context: CanvasRenderingContext2D) => void,
): void {
  useLayoutEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (element === null || context === null || context === undefined) return;
    const ratio = window.devicePixelRatio;
    if (element.width !== Math.round(width * ratio) || element.height !== Math.round(height * ratio)) {
      element.width = Math.round(width * ratio);
      element.height = Math.round(height * ratio);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw(context);
  });
}

function useWidth(
  canvas: { readonly current: HTMLCanvasElement | null },
  onWidth: (width: number) => void,
): void {
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => onWidth(Math.max(50, element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
}

function RowName({ colours, onPick, row }: Pick<TimelineProps, 'colours' | 'onPick'> & { row: TimelineRow }) {
  const { state } = row;
  const value = state === undefined ? undefined : state.stale ? 'silent' : valueText(state.value);
  return (
    <button class="name" type="button" title={`${row.name}: only its changes`} onClick={() => onPick(row)}>
      <span class="label">{row.name}</span>
      {state !== undefined && value !== undefined && (
        <span class="now">
          <span
            class={`dot${state.stale ? ' hollow' : ''}`}
            style={{ background: state.stale ? 'transparent' : colours.of(value) }}
          />
          <span class="value">{value}</span>
          <span class="since">{formatSeconds(state.seconds)}</span>
        </span>
      )}
    </button>
  );
}

function RowFigures({ row: { summary } }: { row: TimelineRow }) {
  if (summary === undefined) return <span class="figures" />;
  const { availability } = summary;
  return (
    <span class="figures">
      <span class="share">{availability === null ? '' : formatShare(availability)}</span>
      <span class="outages">{figureTexts(summary).join(' · ')}</span>
    </span>
  );
}

function figureTexts({ maintenanceSeconds, outages, seconds, unknownSeconds }: GroupSummary): string[] {
  const unknown = unknownSeconds / Math.max(1e-9, seconds + unknownSeconds + maintenanceSeconds);
  return [
    ...(outages === null ? [] : [`${outages.count} outage${outages.count === 1 ? '' : 's'}`]),
    ...(unknown > 0.001 ? [`unknown ${formatShare(unknown)}`] : []),
    ...(maintenanceSeconds > 0 ? ['maintenance'] : []),
  ];
}

function Axis({ view, width }: { view: View; width: number }) {
  const span = view.toMs - view.fromMs;
  return (
    <div class="axis" aria-hidden="true">
      {axisTicks(view.fromMs, view.toMs, width).map(({ ms, text }) => (
        <span key={ms} class="tick" style={{ left: `${((ms - view.fromMs) / span) * 100}%` }}>
          {text}
        </span>
      ))}
    </div>
  );
}

interface TooltipProps {
  readonly row: TimelineRow;
  readonly ms: number;
  readonly view: View;
  readonly notes: readonly Note[];
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

function Tooltip({ ms, notes, row, view, width, x, y }: TooltipProps) {
  const interval = intervalAt(row, ms);
  const span = view.toMs - view.fromMs;
  const about = notes.filter(
    (note) => isAbout(note, row) && Date.parse(note.from) <= ms && ms < Date.parse(note.to),
  );
  if (interval === undefined && about.length === 0) return null;
  const side =
    x > width / 2
      ? { right: `calc(100% - var(--names) - ${x - 12}px)` }
      : { left: `calc(var(--names) + ${x + 12}px)` };
  return (
    <div class="tooltip" style={{ ...side, top: `${y + 18}px` }} aria-hidden="true">
      <strong>{row.name}</strong>
      {interval !== undefined && (
        <>
          <div class="tooltip-value">
            {interval.kind === 'merged'
              ? `${Object.keys(interval.states ?? {}).length} states, too short to draw`
              : valueText(interval.value)}
          </div>
          {interval.kind === 'merged' &&
            Object.entries(interval.states ?? {}).map(([value, { count, share }]) => (
              <div key={value}>
                {value}: {formatShare(share)}, {count}×
              </div>
            ))}
          <div>
            {interval.began === 'before' ? 'since before ' : 'since '}
            {formatMoment(Date.parse(interval.from), span)}
          </div>
          <div>
            {interval.open === true ? 'lasts ' : 'lasted '}
            {formatSeconds(interval.seconds)} ({formatShare(Math.min(1, (interval.seconds * 1000) / span))} of
            what is seen)
          </div>
        </>
      )}
      {about.map((note) => (
        <div key={note.id} class="tooltip-note">
          {note.kind === 'maintenance' ? 'maintenance' : 'note'}: {note.text === '' ? '–' : note.text}
        </div>
      ))}
    </div>
  );
}

function spoken(row: TimelineRow, ms: number, view: View): string {
  const interval = intervalAt(row, ms);
  const when = formatMoment(ms, view.toMs - view.fromMs);
  if (interval === undefined) return `${row.name}, ${when}: nothing known`;
  return `${row.name}, ${when}: ${valueText(interval.value)} for ${formatSeconds(interval.seconds)}`;
}

/** Moves by keys: what the pointer does, without one. */
function useKeys(
  { onMark, onPick, onView, rows, view }: TimelineProps,
  cursor: Cursor | undefined,
  setCursor: (cursor: Cursor) => void,
  scroller: { readonly current: HTMLElement | null },
) {
  const span = view.toMs - view.fromMs;
  const at = cursor ?? { row: 0, ms: (view.fromMs + view.toMs) / 2 };
  const toRow = (row: number): void => {
    const next = Math.max(0, Math.min(rows.length - 1, row));
    setCursor({ ...at, row: next });
    const element = scroller.current;
    if (element === null) return;
    const top = next * ROW_HEIGHT;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + ROW_HEIGHT > element.scrollTop + element.clientHeight)
      element.scrollTop = top + ROW_HEIGHT - element.clientHeight;
  };
  const toMs = (ms: number): void => {
    setCursor({ ...at, ms });
    if (ms < view.fromMs || ms > view.toMs) onView({ fromMs: ms - span / 2, toMs: ms + span / 2 });
  };
  const zoom = (factor: number): void =>
    onView({ fromMs: at.ms - (at.ms - view.fromMs) * factor, toMs: at.ms + (view.toMs - at.ms) * factor });
  const actions: Readonly<Record<string, () => void>> = {
    ArrowUp: () => toRow(at.row - 1),
    ArrowDown: () => toRow(at.row + 1),
    PageUp: () => toRow(at.row - 10),
    PageDown: () => toRow(at.row + 10),
    ArrowLeft: () => toMs(at.ms - span / 40),
    ArrowRight: () => toMs(at.ms + span / 40),
    Home: () => onView({ fromMs: Date.now() - span, toMs: Date.now() }),
    '+': () => zoom(0.7),
    '=': () => zoom(0.7),
    '-': () => zoom(1 / 0.7),
    n: () => onMark({ fromMs: at.ms - span / 20, toMs: at.ms + span / 20 }),
    Escape: () => onMark(undefined),
    Enter: () => {
      const row = rows[at.row];
      if (row !== undefined) onPick(row);
    },
  };
  return (event: KeyboardEvent): void => {
    // A button within has keys of its own.
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = actions[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  };
}
