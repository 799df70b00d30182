import type { Note } from '../api/schemas.ts';
import type { Colours } from './colours.ts';
import type { TimelineRow } from './timeline-rows.ts';

/** The part of time that is looked at, in milliseconds since the epoch. */
export interface View {
  readonly fromMs: number;
  readonly toMs: number;
}

export const ROW_HEIGHT = 26;
const BAR_TOP = 5;
const BAR_HEIGHT = 16;

export interface Drawing {
  readonly rows: readonly TimelineRow[];
  /** How far the rows are scrolled, in pixels. */
  readonly scrollTop: number;
  readonly width: number;
  readonly height: number;
  readonly view: View;
  readonly colours: Colours;
  readonly isDark: boolean;
  readonly notes: readonly Note[];
  /** The range that is being marked. */
  readonly marked: View | undefined;
  /** The row and moment that the pointer or the keys are at. */
  readonly cursor: { readonly row: number; readonly ms: number } | undefined;
  /** Row names to be written into the picture, where it is taken away. */
  readonly hasNames?: boolean;
}

/** Draws what of the rows is to be seen. */
export function drawTimeline(context: CanvasRenderingContext2D, drawing: Drawing): void {
  const { height, rows, scrollTop, width } = drawing;
  context.clearRect(0, 0, width, height);
  const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT));
  const last = Math.min(rows.length, Math.ceil((scrollTop + height) / ROW_HEIGHT));
  const patterns = patternsFor(context, drawing.isDark);
  for (let index = first; index < last; index++) {
    const row = rows[index];
    if (row !== undefined) drawRow(context, drawing, row, index * ROW_HEIGHT - scrollTop + BAR_TOP, patterns);
  }
  drawNow(context, drawing);
  drawMarks(context, drawing);
}

interface Patterns {
  readonly unknown: CanvasPattern | string;
  readonly maintenance: CanvasPattern | string;
}

function drawRow(
  context: CanvasRenderingContext2D,
  drawing: Drawing,
  row: TimelineRow,
  top: number,
  patterns: Patterns,
): void {
  const { colours, view, width } = drawing;
  const scale = width / (view.toMs - view.fromMs);
  const x = (ms: number): number => Math.max(0, Math.min(width, (ms - view.fromMs) * scale));
  for (let at = firstSeen(row, view.fromMs); at < row.intervals.length; at++) {
    const interval = row.intervals[at];
    const from = row.fromMs[at] ?? 0;
    if (interval === undefined || from >= view.toMs) break;
    const left = x(from);
    const wide = Math.max(0.5, x(row.toMs[at] ?? 0) - left);
    if (interval.kind === 'unknown') {
      context.fillStyle = patterns.unknown;
      context.fillRect(left, top, wide, BAR_HEIGHT);
    } else if (interval.kind === 'merged' && interval.states !== undefined) {
      // Nothing short vanishes: each state has its share of the height.
      let y = top;
      for (const value of Object.keys(interval.states).sort()) {
        const high = (interval.states[value]?.share ?? 0) * BAR_HEIGHT;
        context.fillStyle = colours.of(value);
        context.fillRect(left, y, wide, Math.max(1, high));
        y += high;
      }
    } else {
      context.fillStyle = colours.of(String(interval.value));
      context.fillRect(left, top, wide, BAR_HEIGHT);
      // A gap of a pixel tells neighbours apart, also where their colours are alike.
      if (wide > 6) context.clearRect(left + wide - 0.5, top, 0.5, BAR_HEIGHT);
    }
  }
  for (const note of drawing.notes) {
    if (!isAbout(note, row)) continue;
    const left = x(Date.parse(note.from));
    const wide = x(Date.parse(note.to)) - left;
    if (wide <= 0) continue;
    if (note.kind === 'maintenance') {
      context.fillStyle = patterns.maintenance;
      context.fillRect(left, top, wide, BAR_HEIGHT);
    }
    context.fillStyle = drawing.isDark ? '#f5f5f5' : '#222222';
    context.fillRect(left, top + BAR_HEIGHT, Math.max(2, wide), 2);
  }
}

/** The first interval that ends after a moment. */
function firstSeen(row: TimelineRow, ms: number): number {
  let low = 0;
  let high = row.toMs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((row.toMs[middle] ?? 0) <= ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether a note is about a group: the group has all of its tags. */
export function isAbout(note: Note, row: TimelineRow): boolean {
  return Object.entries(note.group).every(([name, value]) => row.group[name] === value);
}

function drawNow(context: CanvasRenderingContext2D, { height, isDark, view, width }: Drawing): void {
  const x = ((Date.now() - view.fromMs) / (view.toMs - view.fromMs)) * width;
  if (x < 0 || x > width) return;
  context.fillStyle = isDark ? '#9ecbff' : '#0b5394';
  context.fillRect(Math.min(width - 1, x), 0, 1, height);
}

function drawMarks(context: CanvasRenderingContext2D, drawing: Drawing): void {
  const { cursor, height, isDark, marked, scrollTop, view, width } = drawing;
  const x = (ms: number): number => ((ms - view.fromMs) / (view.toMs - view.fromMs)) * width;
  if (marked !== undefined) {
    context.fillStyle = isDark ? 'rgba(158, 203, 255, 0.25)' : 'rgba(11, 83, 148, 0.2)';
    context.fillRect(x(marked.fromMs), 0, x(marked.toMs) - x(marked.fromMs), height);
  }
  if (cursor === undefined) return;
  context.strokeStyle = isDark ? '#ffffff' : '#000000';
  context.lineWidth = 1;
  const top = cursor.row * ROW_HEIGHT - scrollTop;
  context.strokeRect(0.5, top + 1.5, width - 1, ROW_HEIGHT - 3);
  context.fillStyle = context.strokeStyle;
  context.fillRect(x(cursor.ms), top + 2, 1, ROW_HEIGHT - 4);
}

const cached = new Map<string, Patterns>();

function patternsFor(context: CanvasRenderingContext2D, isDark: boolean): Patterns {
  const name = isDark ? 'dark' : 'light';
  const known = cached.get(name);
  if (known !== undefined) return known;
  const ink = isDark ? '#8b949e' : '#6e7781';
  const made = {
    unknown: pattern(context, 6, (paint) => {
      paint.fillStyle = isDark ? '#21262d' : '#eaeef2';
      paint.fillRect(0, 0, 6, 6);
      paint.fillStyle = ink;
      paint.fillRect(1, 2, 2, 1);
      paint.fillRect(4, 5, 2, 1);
    }),
    maintenance: pattern(context, 8, (paint) => {
      paint.fillStyle = isDark ? 'rgba(13, 17, 23, 0.55)' : 'rgba(255, 255, 255, 0.6)';
      paint.fillRect(0, 0, 8, 8);
      paint.strokeStyle = isDark ? '#f0f6fc' : '#24292f';
      paint.lineWidth = 1.5;
      paint.beginPath();
      for (const offset of [-8, 0, 8]) {
        paint.moveTo(offset, 8);
        paint.lineTo(offset + 8, 0);
      }
      paint.stroke();
    }),
  };
  cached.set(name, made);
  return made;
}

function pattern(
  context: CanvasRenderingContext2D,
  size: number,
  draw: (paint: CanvasRenderingContext2D) => void,
): CanvasPattern | string {
  const tile = document.createElement('canvas');
  tile.width = size;
  tile.height = size;
  const paint = tile.getContext('2d');
  if (paint === null) return '#888888';
  draw(paint);
  return context.createPattern(tile, 'repeat') ?? '#888888';
}
