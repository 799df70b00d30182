import type { Definitions } from '../kapacitor/definitions.ts';
import type { Instrumented } from './instrument.ts';
import { fileHandler, tapHandler } from './outcome.ts';
import type { TopicHandler } from './prepared-case.ts';

/** A handler of ours at one of a case's topics. */
interface Listener {
  readonly topic: string;
  /** What its events are kept under. */
  readonly name: string;
  readonly match: string | undefined;
}

/** One for each alert node, and for each handler file one at every node whose topic it names. */
function listenersOf({ alerts }: Instrumented, handlers: readonly TopicHandler[]): Listener[] {
  return alerts.flatMap(({ scriptTopic, topic }, index) => [
    { topic, name: tapHandler(index), match: undefined },
    ...handlers.flatMap((handler, at) =>
      handler.topic === scriptTopic ? [{ topic, name: fileHandler(at), match: handler.match }] : [],
    ),
  ]);
}

/** Has all events of a case's alerts posted to us. */
export async function listen(
  definitions: Definitions,
  instrumented: Instrumented,
  handlers: readonly TopicHandler[],
  id: string,
  url: string,
): Promise<void> {
  for (const { match, name, topic } of listenersOf(instrumented, handlers)) {
    const options = { url: `${url}/alert/${id}/${name}` };
    const handler = { id: `${id}-${name}`, kind: 'post', options };
    await definitions.addHandler(topic, match === undefined ? handler : { ...handler, match });
  }
}

/** How many events there were for each handler; how many a condition lets through nobody counts. */
export async function eventCounts(
  definitions: Definitions,
  instrumented: Instrumented,
  handlers: readonly TopicHandler[],
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { match, name, topic } of listenersOf(instrumented, handlers)) {
    if (match !== undefined) continue;
    counts.set(name, (counts.get(name) ?? 0) + (await definitions.collected(topic)));
  }
  return counts;
}

/** The removals of what {@link listen} has added. */
export function unlisten(
  definitions: Definitions,
  instrumented: Instrumented,
  handlers: readonly TopicHandler[],
  id: string,
): (() => Promise<void>)[] {
  return [
    ...listenersOf(instrumented, handlers).map(
      ({ name, topic }) =>
        () =>
          definitions.removeHandler(topic, `${id}-${name}`),
    ),
    ...instrumented.alerts.map(
      ({ topic }) =>
        () =>
          definitions.removeTopic(topic),
    ),
  ];
}
