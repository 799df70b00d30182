const NS_PER_MS = 1_000_000n;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A time in UTC with as many digits of a second as it needs: 2018-01-03T11:30:51.065Z. */
export function shownTime(timeNs: bigint): string {
  // Rounded down, also before 1970.
  const subMs = ((timeNs % NS_PER_MS) + NS_PER_MS) % NS_PER_MS;
  const iso = new Date(Number((timeNs - subMs) / NS_PER_MS)).toISOString();
  const fraction = `${iso.slice(-4, -1)}${String(subMs).padStart(6, '0')}`.replace(/(?:000)+$/, '');
  return `${iso.slice(0, -5)}${fraction === '' ? '' : `.${fraction}`}Z`;
}

/** A duration for people, in its two largest units: 1m 30s, 2d 4h, 1.5s, 20ms. */
export function durationText(seconds: number): string {
  const ms = seconds * 1000;
  if (ms < 1) return `${Number(ms.toPrecision(3))}ms`;
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  // Each limit is where rounding to the smaller unit would give a whole larger one.
  if (ms < MINUTE_MS - 50) return `${Math.round(ms / 100) / 10}s`;
  if (ms < HOUR_MS - 500) return twoUnits(Math.round(ms / 1000), 60, 'm', 's');
  if (ms < DAY_MS - MINUTE_MS / 2) return twoUnits(Math.round(ms / MINUTE_MS), 60, 'h', 'm');
  return twoUnits(Math.round(ms / HOUR_MS), 24, 'd', 'h');
}

function twoUnits(count: number, ratio: number, large: string, small: string): string {
  const rest = count % ratio;
  return `${(count - rest) / ratio}${large}${rest === 0 ? '' : ` ${rest}${small}`}`;
}

/** The text without anything that a terminal might obey, or that would break a line. */
export function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => (control === '\n' ? ' ' : '\ufffd'));
}

const WIDE =
  /\p{Emoji_Presentation}|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}/u;

const SEGMENTER = new Intl.Segmenter();
const PRINTABLE_ASCII = /^[ -~]*$/;

/** How many columns of a terminal the text takes, near enough. */
export function columnsOf(text: string): number {
  if (PRINTABLE_ASCII.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of SEGMENTER.segment(text)) columns += WIDE.test(segment) ? 2 : 1;
  return columns;
}

/** The text in at most this many columns; what is cut off is marked. */
export function cut(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let kept = '';
  for (const { segment } of SEGMENTER.segment(text)) {
    if (columnsOf(kept + segment) > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** The text with spaces behind it up to this many columns. */
export function padded(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - columnsOf(text)));
}

/** `1 point`, `2 points`, `1,234,567 points`. */
export function countText(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}

/** The first names of many, for a message. */
export function someOf(names: Iterable<string>, limit = 8): string {
  const all = [...names];
  const shown = all.slice(0, limit).map((name) => `'${cut(visible(name), 40)}'`);
  return shown.join(', ') + (all.length > limit ? ` and ${all.length - limit} more` : '');
}
