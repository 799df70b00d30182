import { isDate, looksLikeTime } from './times.ts';

/** Names taken for the time when none is given. */
export const TIME_NAMES = ['time', 'timestamp', '@timestamp'] as const;

/** Names that mean a time whatever stands in them. */
const CERTAIN =
  /^(?:_?time|_?date|datetime|date_?time|timestamp|ts|time_?stamp|datum|zeit|zeitstempel|zeitpunkt|uhrzeit|datum.*zeit|zeit.*|date.*time|when|epoch|unix_?time|utc|last_(?:changed|updated|reported|seen)|(?:created|updated|changed|received|measured|recorded|observed|event)_?(?:at|on|time)|_start|_stop|lu|lc|heure|fecha|hora|horodatage|tijd|tid|czas|data)$/i;
/** Words that may stand in the name of a time: what is in it decides. */
const POSSIBLE = /time|date|zeit|datum|stamp|when|epoch|changed|updated|_at$|At$|\bts\b/i;

/**
 * The name that seems to hold the times of records, where none is called as it is usual.
 * @param record names and what stands in one record
 */
export function timeLookalike(record: Iterable<readonly [name: string, text: string]>): string | undefined {
  const entries = [...record];
  // Deeper ones are of something in the record: `attributes.last_triggered`.
  const own = entries.filter(([name]) => !name.includes('.'));
  const lastPart = ([name]: readonly [string, string]): string => name.split('.').at(-1) ?? name;
  const candidate =
    own.find(([name, text]) => CERTAIN.test(name.trim()) && (looksLikeTime(text) || text === '')) ??
    own.find(([name, text]) => POSSIBLE.test(name) && looksLikeTime(text)) ??
    own.find(([name]) => CERTAIN.test(name.trim())) ??
    own.find(([, text]) => isDate(text)) ??
    entries.find((entry) => CERTAIN.test(lastPart(entry)) && looksLikeTime(entry[1]));
  return candidate?.[0];
}
