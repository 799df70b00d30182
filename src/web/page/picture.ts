import { axisTicks } from './format.ts';
import type { Settings } from './settings.ts';
import { type Drawing, drawTimeline, ROW_HEIGHT } from './timeline-drawing.ts';

const NAMES_WIDTH = 180;
const STATES_WIDTH = 1_200;
const AXIS_HEIGHT = 24;
const MAX_ROWS = 500;

/** Saves all rows of the timeline as a picture, with names and times written into it. */
export function savePicture(
  drawn: Pick<Drawing, 'rows' | 'view' | 'colours' | 'isDark' | 'notes'>,
  settings: Settings,
): void {
  const rows = drawn.rows.slice(0, MAX_ROWS);
  const height = rows.length * ROW_HEIGHT;
  const states = canvasOf(STATES_WIDTH, height);
  const whole = canvasOf(NAMES_WIDTH + STATES_WIDTH, height + AXIS_HEIGHT);
  const paint = states.getContext('2d');
  const context = whole.getContext('2d');
  if (paint === null || context === null) return;
  drawTimeline(paint, {
    ...drawn,
    rows,
    scrollTop: 0,
    width: STATES_WIDTH,
    height,
    marked: undefined,
    cursor: undefined,
  });
  const ink = drawn.isDark ? '#e6edf3' : '#1f2328';
  context.fillStyle = drawn.isDark ? '#0d1117' : '#ffffff';
  context.fillRect(0, 0, whole.width, whole.height);
  context.drawImage(states, NAMES_WIDTH, 0);
  context.fillStyle = ink;
  context.font = '13px system-ui, sans-serif';
  context.textBaseline = 'middle';
  rows.forEach(({ name }, index) => {
    context.fillText(name, 8, index * ROW_HEIGHT + ROW_HEIGHT / 2, NAMES_WIDTH - 16);
  });
  const { fromMs, toMs } = drawn.view;
  for (const { ms, text } of axisTicks(fromMs, toMs, STATES_WIDTH))
    context.fillText(
      text,
      NAMES_WIDTH + ((ms - fromMs) / (toMs - fromMs)) * STATES_WIDTH,
      height + AXIS_HEIGHT / 2,
    );
  whole.toBlob((blob) => {
    if (blob === null) return;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = `${settings.measurement}.png`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
}

function canvasOf(width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  return canvas;
}
