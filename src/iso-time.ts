const NS_PER_SECOND = 1_000_000_000n;

/**
 * A time as RFC 3339 has it, in UTC, with as many digits of a second as it needs: as Go writes it.
 * @param ns nanoseconds since the epoch; what no calendar holds stays a number
 */
export function isoTime(ns: bigint): string {
  const remainder = ((ns % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  const date = new Date(Number((ns - remainder) / 1_000_000n));
  if (Number.isNaN(date.getTime())) return String(ns);
  const fraction = String(remainder).padStart(9, '0').replace(/0+$/, '');
  return `${date.toISOString().slice(0, -5)}${fraction === '' ? '' : `.${fraction}`}Z`;
}
