import { defineFunction, option } from 'kapacitor-edge-detect/udf';

/**
 * Which share of a window's time a group spent in each state: of each batch one point, with a field per state. What a
 * group was in at the end of a window it is in at the beginning of the next one.
 */
export const stateTime = defineFunction({
  name: 'stateTime',
  wants: 'BATCH',
  provides: 'STREAM',
  options: {
    field: option.string({ summary: 'the field that holds the state' }),
    prefix: option.string({
      default: 'share_',
      mayBeEmpty: true,
      summary: 'what the names of the fields begin with',
    }),
  },
  begin: () => ({ state: undefined as string | undefined, until: 0n }),
  batch({ points, time }, group, { options, emit }) {
    const spentNs = new Map<string, bigint>();
    let { state, until: since } = group;
    const spend = (until: bigint): void => {
      if (state !== undefined && until > since)
        spentNs.set(state, (spentNs.get(state) ?? 0n) + until - since);
      since = until > since ? until : since;
    };
    for (const point of points) {
      const value = point.field(options.field);
      if (value === undefined || point.time < since) continue;
      spend(point.time);
      if (state === undefined) since = point.time;
      state = String(value);
    }
    spend(time);
    group.state = state;
    group.until = since;
    const total = [...spentNs.values()].reduce((sum, ns) => sum + ns, 0n);
    if (total === 0n) return;
    const shares = [...spentNs].map(
      ([name, ns]) => [options.prefix + name, Number(ns) / Number(total)] as const,
    );
    emit.send({ time, fields: Object.fromEntries(shares) });
  },
});
