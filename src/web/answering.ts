import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { WebContext } from './context.ts';
import { ProblemError } from './problem.ts';

/** Pieces are gathered up to about this length: one write each. */
const PIECE_LENGTH = 16_384;

/** By answer: ends the limit of its time. */
const limits = new WeakMap<FastifyReply, () => void>();

/** What ends a query: its client is gone, or its time is up. A stream that has begun may take as long as its client does. */
export function signalOf(reply: FastifyReply, context: WebContext): AbortSignal {
  const controller = new AbortController();
  const { queryTimeoutMs } = context.limits;
  const timer = setTimeout(() => {
    controller.abort(
      new ProblemError(
        'SOURCE_TOO_SLOW',
        `${context.source.name} has not answered within ${queryTimeoutMs / 1000} s; ask for a shorter range or fewer groups`,
      ),
    );
  }, queryTimeoutMs);
  limits.set(reply, () => clearTimeout(timer));
  reply.raw.once('close', () => {
    clearTimeout(timer);
    if (!reply.raw.writableFinished) controller.abort(new ProblemError('INTERNAL', 'the client is gone'));
  });
  return controller.signal;
}

/**
 * Answers with JSON that is made in pieces: from the cache if it is there, not at all if the client has it, as a stream if
 * it is long.
 */
export async function sendCached(
  request: FastifyRequest,
  reply: FastifyReply,
  context: WebContext,
  make: (signal: AbortSignal) => AsyncIterable<string>,
): Promise<void> {
  const answer = await context.cache.get(request.url, make, signalOf(reply, context));
  reply.type('application/json; charset=utf-8');
  if ('pieces' in answer) {
    await sendStream(reply, answer.pieces);
    return;
  }
  reply.header('etag', answer.etag).header('cache-control', 'no-cache');
  if (isKnown(request.headers['if-none-match'], answer.etag)) await reply.code(304).send();
  else await reply.send(answer.body);
}

/** Answers with a stream; what it throws at its very beginning is still a problem with a status of its own. */
export async function sendStream(reply: FastifyReply, pieces: AsyncIterable<string>): Promise<void> {
  const iterator = gathered(pieces);
  const first = await iterator.next();
  limits.get(reply)?.();
  await reply.send(Readable.from(resumed(first, iterator), { objectMode: false }));
}

async function* resumed(
  first: IteratorResult<string>,
  iterator: AsyncGenerator<string>,
): AsyncGenerator<string> {
  if (first.done === true) return;
  try {
    yield first.value;
    yield* iterator;
  } finally {
    await iterator.return(undefined);
  }
}

async function* gathered(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let text = '';
  for await (const piece of pieces) {
    text += piece;
    if (text.length < PIECE_LENGTH) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}

function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const tags = header.split(',').map((tag) => tag.trim());
  return tags.some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag.replace(/^W\//, ''));
}
