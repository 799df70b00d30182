/** The members of whatever came as JSON or YAML, by name; none where it is no object. */
export function entriesOf(value: unknown): Map<string, unknown> {
  return new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);
}
