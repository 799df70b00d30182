import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { edgeText } from '../api/answer-texts.ts';
import { EventsQuery } from '../api/schemas.ts';
import { seriesOf } from '../api/series-requests.ts';
import type { WebApp, WebContext } from '../context.ts';
import type { LiveEvent } from '../events/live-edges.ts';
import { ProblemError, wrongParameter } from '../problem.ts';
import { readEdges } from '../states/edge-reader.ts';
import type { Series } from '../states/state-reader.ts';
import { problemAnswers } from './problem-answers.ts';

/** Events of so many milliseconds go out together: a thousand clients are a thousand writes, not a hundred thousand. */
const GATHER_MS = 20;
const HEARTBEAT_MS = 15_000;
/** A client that has not taken so many bytes is let go; it comes back and says what it has seen. */
const MAX_WAITING_BYTES = 4_000_000;
/** What a client has missed for longer it reads as edges. */
const MAX_REPLAYED = 10_000;
/** Edges that were told while the missed ones were read; those that both have go out once. */
const FIRST_RETRY = 'retry: 2000\n\n';

const LastEventId = Type.Object({
  'last-event-id': Type.Optional(
    Type.String({ maxLength: 100, description: 'The id of the last event that the client has seen.' }),
  ),
});

/** Live edges. */
export function eventRoutes(app: WebApp, context: WebContext): void {
  const ends = new Set<() => void>();
  app.addHook('preClose', async () => {
    for (const end of ends) end();
  });
  app.get(
    '/events',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'Changes as they happen (server-sent events)',
        description:
          '`event: edge` with an edge as `data`; `trouble` and `fine` tell when the source goes and comes back.',
        tags: ['states'],
        querystring: EventsQuery,
        headers: LastEventId,
        response: {
          200: {
            description: 'Events, without end.',
            content: { 'text/event-stream': { schema: { type: 'string' } } },
          },
          ...problemAnswers,
        },
      },
    },
    async (request, reply) => {
      const series = seriesOf(request.query);
      // What is wrong with the options is said before the stream begins.
      context.reader.finderOf(series);
      const lastId = request.headers['last-event-id'];
      if (lastId !== undefined && lastId !== '' && !/^-?\d{1,19}$/.test(lastId))
        throw wrongParameter('last-event-id', lastId, 'the id of an event');
      const client = new Client(reply);
      const end = (): void => client.end();
      const leave = context.metrics.eventClient();
      ends.add(end);
      try {
        await client.serve(
          context,
          series,
          lastId === undefined || lastId === '' ? undefined : BigInt(lastId),
        );
      } catch (error) {
        request.log.warn({ err: error }, 'a client of live edges was let go');
      } finally {
        leave();
        ends.delete(end);
      }
      return reply;
    },
  );
}

/** One client at the other end of a stream of events. */
class Client {
  readonly #reply: FastifyReply;
  #waiting = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(reply: FastifyReply) {
    this.#reply = reply;
    const headers = { ...reply.getHeaders() };
    reply.hijack();
    for (const [name, value] of Object.entries(headers))
      if (value !== undefined) reply.raw.setHeader(name, value);
    reply.raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    reply.raw.write(FIRST_RETRY);
  }

  /** Until the client goes away. */
  async serve(context: WebContext, series: Series, lastNs: bigint | undefined): Promise<void> {
    const { raw } = this.#reply;
    const gone = new AbortController();
    raw.once('close', () => gone.abort(new ProblemError('INTERNAL', 'the client is gone')));
    let held: LiveEvent[] | undefined = [];
    const unsubscribe = context.live.subscribe(series, (events) => {
      if (held === undefined) this.#send(events);
      else held.push(...events);
    });
    const heartbeat = setInterval(() => raw.write(': still here\n\n'), HEARTBEAT_MS);
    try {
      const sent = new Set<string>();
      if (lastNs !== undefined) {
        for (const event of await missed(context, series, lastNs, gone.signal)) {
          sent.add(event.data);
          this.#send([event]);
        }
      }
      this.#send(held.filter(({ data }) => !sent.has(data)));
      held = undefined;
      if (!raw.destroyed) await new Promise((resolve) => raw.once('close', resolve));
    } finally {
      unsubscribe();
      clearInterval(heartbeat);
      clearTimeout(this.#timer);
      raw.destroy();
    }
  }

  end(): void {
    this.#flush();
    this.#reply.raw.end();
  }

  #send(events: readonly LiveEvent[]): void {
    for (const { data, event, id } of events)
      this.#waiting += `event: ${event}\n${id === '' ? '' : `id: ${id}\n`}data: ${data}\n\n`;
    if (this.#waiting !== '') this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  #flush(): void {
    this.#timer = undefined;
    const { raw } = this.#reply;
    if (this.#waiting === '' || raw.destroyed) return;
    raw.write(this.#waiting);
    this.#waiting = '';
    if (raw.writableLength > MAX_WAITING_BYTES) raw.destroy();
  }
}

/** The edges after the last one that a client has seen. */
async function missed(
  context: WebContext,
  series: Series,
  lastNs: bigint,
  signal: AbortSignal,
): Promise<LiveEvent[]> {
  const { nowNs, reader, source } = context;
  const range = { fromNs: lastNs + 1n, toNs: nowNs() };
  const events: LiveEvent[] = [];
  if (range.fromNs >= range.toNs) return events;
  for await (const edges of readEdges(source, reader, series, range, signal)) {
    for (const edge of edges)
      events.push({ event: 'edge', id: String(edge.timeNs), data: edgeText(edge, series.selection.group) });
    if (events.length > MAX_REPLAYED) return events.slice(-MAX_REPLAYED);
  }
  return events;
}
