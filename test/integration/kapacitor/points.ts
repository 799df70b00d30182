import type { PostedPoint } from '../../support/kapacitor/collector.ts';

/** The time of the first point of a test, in ns. */
export const EPOCH_NS = 1_700_000_000_000_000_000n;
export const SECOND_NS = 1_000_000_000n;

/** A line of line protocol. @param seconds since {@link EPOCH_NS} */
export function line(seconds: number, fields: string, host = 'router1'): string {
  return `adsl_connection,host=${host} ${fields} ${EPOCH_NS + BigInt(seconds) * SECOND_NS}`;
}

/** A line with a state. */
export function stateLine(seconds: number, state: string, host = 'router1'): string {
  return line(seconds, `value="${state}"`, host);
}

/** `router1 10 UP`: host, seconds since {@link EPOCH_NS} and the fields' values, for comparing in one line a point. */
export function brief({ fields, tags, timeNs }: PostedPoint): string {
  const seconds = Number((timeNs - EPOCH_NS) / SECOND_NS);
  const values = Object.keys(fields)
    .sort()
    .map((name) => `${name}=${fields[name]}`);
  return [tags.host, `${seconds}s`, ...values].join(' ');
}

/** A task that sends edges to a collector. @param options as `.field('value').hold(10s)` */
export function edgeScript(url: string, options = `.field('value')`): string {
  return `stream
    |from()
        .measurement('adsl_connection')
        .groupBy('host')
    @edgeDetect()
        ${options}
    |httpPost('${url}')
`;
}
