import type { LiveEvent } from '../events/live-edges.ts';
import type { Series } from '../states/state-reader.ts';

/** What a worker says to the primary. Maps and bigints get through, as messages are cloned. */
export type ToPrimary =
  | { readonly type: 'web-ready'; readonly url: string }
  | { readonly type: 'web-failed'; readonly message: string }
  | { readonly type: 'web-subscribe'; readonly key: string; readonly series: Series }
  | { readonly type: 'web-unsubscribe'; readonly key: string }
  | { readonly type: 'web-ask-metrics'; readonly question: number };

/** What the primary says to a worker. */
export type ToWorker =
  | { readonly type: 'web-stop' }
  | { readonly type: 'web-events'; readonly key: string; readonly events: readonly LiveEvent[] }
  | { readonly type: 'web-metrics'; readonly question: number; readonly text: string };

export function isToPrimary(message: unknown): message is ToPrimary {
  return isOurs(message);
}

export function isToWorker(message: unknown): message is ToWorker {
  return isOurs(message);
}

/** Other modules send messages of their own. */
function isOurs(message: unknown): boolean {
  return (
    typeof message === 'object' &&
    message !== null &&
    'type' in message &&
    typeof message.type === 'string' &&
    message.type.startsWith('web-')
  );
}
