import { visible } from '../edges/display-text.ts';

/** What a person knows anyway. */
const HIDDEN_FIELDS = new Set(['function', 'task', 'node', 'taskId', 'nodeId']);

/** What a log says, in one line for people. */
export function logText(fields: Readonly<Record<string, unknown>>, message: string): string {
  const details = Object.entries(fields)
    .filter(([name]) => !HIDDEN_FIELDS.has(name))
    .map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(' | ') : String(value)}`);
  return visible(details.length === 0 ? message : `${message} (${details.join('; ')})`);
}
