import { Refusal } from './target.ts';

/**
 * Reads what InfluxDB or Kapacitor says of lines it won't take.
 *
 *     [partial write: ] unable to parse 'LINE': WHY { "\n" unable to parse 'LINE': WHY } [ dropped=0]
 *     partial write: WHY dropped=COUNT
 *
 * With `partial write` the others were written, as far as `dropped` goes; but a batch that belongs to several shards
 * is told of one of them only, so a count below the batch's size says nothing of the rest.
 */
export function refusalOf(reason: string, lines: readonly string[]): Refusal {
  const named = new Map<string, string>();
  const pattern = /unable to parse '(.*?)': ([^\n]*?)(?=\nunable to parse '| dropped=\d+$|$)/gs;
  for (const [, line = '', why = ''] of reason.matchAll(pattern)) named.set(line, why);
  const dropped = Number(/ dropped=(\d+)$/.exec(reason)?.[1] ?? Number.NaN);
  if (named.size > 0)
    return new Refusal(
      reason,
      named,
      reason.startsWith('partial write: ') && dropped === 0 ? 'written' : 'unknown',
    );
  return new Refusal(
    reason.replace(/ dropped=\d+$/, ''),
    named,
    dropped === lines.length ? 'refused' : 'unknown',
  );
}
