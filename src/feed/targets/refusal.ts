import { type Answer, reasonOf } from './connection.ts';
import { Refusal } from './target.ts';

/**
 * Reads what InfluxDB or Kapacitor says of lines it won't take. InfluxDB 3 says it in JSON, line by line; the others in
 * a text:
 *
 *     [partial write: ] unable to parse 'LINE': WHY { "\n" unable to parse 'LINE': WHY } [ dropped=0]
 *     partial write: WHY dropped=COUNT
 *
 * With `partial write` the others were written, as far as `dropped` goes; but a batch that belongs to several shards
 * is told of one of them only, so a count below the batch's size says nothing of the rest.
 */
export function refusalOf(answer: Pick<Answer, 'text'>, lines: readonly string[]): Refusal {
  const reason = reasonOf(answer);
  const listed = listedLines(answer.text, lines);
  if (listed.size > 0) return new Refusal(reason, listed, 'unknown');
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

/** The lines that InfluxDB 3 names by their number, with its reason for each. The others may be written, or not. */
function listedLines(text: string, lines: readonly string[]): Map<string, string> {
  const listed = new Map<string, string>();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return listed;
  }
  if (typeof value !== 'object' || value === null || !('data' in value)) return listed;
  for (const item of [value.data].flat()) {
    if (typeof item !== 'object' || item === null || !('line_number' in item) || !('error_message' in item))
      continue;
    const line = lines[Number(item.line_number) - 1];
    if (line !== undefined) listed.set(line, String(item.error_message));
  }
  return listed;
}
