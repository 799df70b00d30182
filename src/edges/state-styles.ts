/** How a state is drawn, the same in every drawing: a sign, and a number that stands for its colour. */
export interface StateStyle {
  readonly glyph: string;
  readonly color: number;
}

/** Nothing to worry about: a thin line. */
const CALM = '━';
/** Something to worry about: a thick one. */
const ALARM = '█';
const GLYPHS = [CALM, ALARM, '▒', '▓', '▄', '░', '╍', '▚', '▀', '≡', '▌', '◆', '○', '▲', '≈', '×'] as const;
/** So many states are drawn at most, those that lasted longest. */
const MAX_STATES = 7;
/** What is drawn for all others. */
export const OTHER_STYLE: StateStyle = { glyph: '+', color: MAX_STATES };

const CALM_WORDS = new Set(
  'up ok showtime true on online running active connected normal healthy alive ready success good open idle home reachable 0'.split(
    ' ',
  ),
);
const ALARM_WORDS = new Set(
  'down training false off offline stopped inactive disconnected critical error failed failure fault dead unreachable unavailable bad warning alarm 1'.split(
    ' ',
  ),
);

/**
 * The styles of states: by what they are called, so that a state looks the same whatever else there is and however long
 * it lasted. Where two would look alike, the one that comes later in the alphabet looks otherwise.
 * @param totals how long each state lasted in all
 */
export function stateStyles(totals: ReadonlyMap<string, number>): Map<string, StateStyle> {
  const byDuration = [...totals].sort(([, a], [, b]) => b - a).map(([label]) => label);
  const styles = new Map<string, StateStyle>();
  const taken = new Set<number>();
  for (const label of byDuration.slice(0, MAX_STATES).sort()) {
    let index = preferred(label);
    while (taken.has(index)) index = (index + 1) % GLYPHS.length;
    taken.add(index);
    styles.set(label, { glyph: GLYPHS[index] ?? CALM, color: index });
  }
  for (const label of byDuration.slice(MAX_STATES)) styles.set(label, OTHER_STYLE);
  return styles;
}

function preferred(label: string): number {
  const word = label.toLowerCase();
  if (CALM_WORDS.has(word)) return GLYPHS.indexOf(CALM);
  if (ALARM_WORDS.has(word)) return GLYPHS.indexOf(ALARM);
  let hash = 0;
  for (const character of label) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) >>> 0;
  return 2 + (hash % (GLYPHS.length - 2));
}
