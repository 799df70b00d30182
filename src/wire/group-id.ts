/** Names in the order in which Kapacitor has dimensions: by their bytes. */
export function sortedNames(names: Iterable<string>): string[] {
  return [...names].sort((a, b) => (isAscii(a) && isAscii(b) ? (a < b ? -1 : 1) : compareBytes(a, b)));
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}

/** Beyond ASCII, JavaScript's own order of texts is not that of their bytes. */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/**
 * The id that Kapacitor gives a group: nothing of it is escaped, and a tag that the point doesn't have counts as
 * empty.
 * @param name the measurement
 * @param dimensions the names of the tags to group by, in Kapacitor's order
 */
export function groupId(
  name: string,
  tags: ReadonlyMap<string, string>,
  dimensions: readonly string[],
  byName: boolean,
): string {
  if (dimensions.length === 0) return byName ? name : '';
  const parts = dimensions.map((dimension) => `${dimension}=${tags.get(dimension) ?? ''}`);
  return (byName ? `${name}\n` : '') + parts.join(',');
}
