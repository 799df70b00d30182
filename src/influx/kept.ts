import type { LinePoint } from '../kapacitor/line-protocol.ts';

/**
 * Why InfluxDB would not give a point back as it is, though it takes it without a word; undefined if it would.
 */
export function reasonNotKept({
  fields,
  measurement,
}: Pick<LinePoint, 'fields' | 'measurement'>): string | undefined {
  if (fields.has('time')) return 'InfluxDB keeps no field called time';
  // It takes escapes off measurements twice.
  if (/\\[,= "]/.test(measurement))
    return `InfluxDB would not keep the backslash in the measurement ${JSON.stringify(measurement)}`;
  return undefined;
}
