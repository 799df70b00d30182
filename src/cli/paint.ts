import { styleText } from 'node:util';
import type { Io } from './io.ts';

/** By the number of a state's style. */
const COLORS = ['cyan', 'yellow', 'magenta', 'blue', 'green', 'red'] as const;

/** Gives a text one of many colours, or `dim`s it. */
export type Paint = (text: string, chosen: number | 'dim') => string;

/** Paints for an output; without colours where the terminal, or NO_COLOR, wants none. */
export function painter(stream: Io['stdout']): Paint {
  return (text, chosen) => {
    const color = chosen === 'dim' ? 'dim' : COLORS[chosen % COLORS.length];
    return color === undefined ? text : styleText(color, text, { stream });
  };
}
