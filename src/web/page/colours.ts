/**
 * Colours that people who see fewer of them tell apart as well (after Okabe and Ito), with enough contrast on light and
 * dark ground. What counts as available has a colour of its own.
 */
const PALETTE = [
  '#e69f00',
  '#d55e00',
  '#cc79a7',
  '#0072b2',
  '#8c6bb1',
  '#b8a200',
  '#7f7f7f',
  '#a6761d',
  '#e7298a',
  '#56b4e9',
];
const UP_PALETTE = ['#1b9e77', '#4daf7c', '#0f7b5f'];

export interface Colours {
  readonly of: (value: string) => string;
  readonly values: readonly string[];
}

/** Gives each value a colour that depends on the values alone, not on their order or number of points. */
export function coloursOf(values: Iterable<string>, up: readonly string[]): Colours {
  const sorted = [...new Set(values)].sort();
  const taken = new Set<string>();
  const colours = new Map<string, string>();
  up.forEach((value, index) => {
    colours.set(value, UP_PALETTE[index % UP_PALETTE.length] ?? '#1b9e77');
  });
  for (const value of sorted) {
    if (colours.has(value)) continue;
    const start = hash(value) % PALETTE.length;
    let colour = PALETTE[start] ?? '#7f7f7f';
    // Two values on one place: the later one goes on to the next that is free.
    for (let step = 1; taken.has(colour) && step < PALETTE.length; step++)
      colour = PALETTE[(start + step) % PALETTE.length] ?? colour;
    taken.add(colour);
    colours.set(value, colour);
  }
  return { of: (value) => colours.get(value) ?? '#7f7f7f', values: sorted };
}

function hash(text: string): number {
  let result = 2_166_136_261;
  for (let at = 0; at < text.length; at++) result = Math.imul(result ^ text.charCodeAt(at), 16_777_619);
  return result >>> 0;
}
