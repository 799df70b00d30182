import { createHash } from 'node:crypto';

/** An answer as it is sent. */
export interface CachedAnswer {
  readonly body: string;
  readonly etag: string;
  readonly atMs: number;
}

/** An answer too large to be kept: what is there of it, and what is still to come. */
export interface StreamedAnswer {
  readonly pieces: AsyncIterable<string>;
}

interface Pending {
  readonly answer: Promise<CachedAnswer | StreamedAnswer>;
  readonly controller: AbortController;
  waiting: number;
}

/** Answers up to this length get an ETag and are kept; longer ones are streamed. */
const MAX_KEPT_LENGTH = 1_000_000;
const MAX_TOTAL_LENGTH = 32_000_000;

/**
 * Keeps answers for a moment, so that a hundred who look at the same page cost what one does. Those who ask for the same
 * at the same time wait for one query; it ends early if all of them go away.
 */
export class AnswerCache {
  readonly #freshMs: number;
  readonly #clockMs: () => number;
  readonly #answers = new Map<string, CachedAnswer>();
  readonly #pending = new Map<string, Pending>();
  #totalLength = 0;

  /** @param freshMs how long an answer is good; 0: not at all */
  constructor(freshMs: number, clockMs: () => number) {
    this.#freshMs = freshMs;
    this.#clockMs = clockMs;
  }

  /** @param make makes the answer's text in pieces */
  async get(
    key: string,
    make: (signal: AbortSignal) => AsyncIterable<string>,
    signal: AbortSignal,
  ): Promise<CachedAnswer | StreamedAnswer> {
    const kept = this.#answers.get(key);
    if (kept !== undefined && this.#clockMs() - kept.atMs < this.#freshMs) return kept;
    const shared = this.#pending.get(key);
    if (shared === undefined) return this.#wait(this.#start(key, make), signal);
    const answer = await this.#wait(shared, signal);
    // Nobody can share a stream.
    return 'pieces' in answer ? this.#wait(this.#start(undefined, make), signal) : answer;
  }

  /** Forgets everything: something was written. */
  clear(): void {
    this.#answers.clear();
    this.#totalLength = 0;
  }

  async #wait(pending: Pending, signal: AbortSignal): Promise<CachedAnswer | StreamedAnswer> {
    pending.waiting++;
    const leave = (): void => {
      if (--pending.waiting === 0) pending.controller.abort(signal.reason);
    };
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    const answer = await pending.answer;
    // A stream goes on, and ends with who reads it.
    if (!('pieces' in answer)) signal.removeEventListener('abort', leave);
    return answer;
  }

  #start(key: string | undefined, make: (signal: AbortSignal) => AsyncIterable<string>): Pending {
    const controller = new AbortController();
    const answer = this.#make(key, make(controller.signal));
    const pending = { answer, controller, waiting: 0 };
    if (key !== undefined) {
      this.#pending.set(key, pending);
      const forget = (): void => {
        this.#pending.delete(key);
      };
      answer.then(forget, forget);
    }
    return pending;
  }

  async #make(
    key: string | undefined,
    pieces: AsyncIterable<string>,
  ): Promise<CachedAnswer | StreamedAnswer> {
    const iterator = pieces[Symbol.asyncIterator]();
    let body = '';
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) break;
      body += next.value;
      if (body.length > MAX_KEPT_LENGTH) return { pieces: continued(body, iterator) };
    }
    const etag = `W/"${createHash('sha1').update(body).digest('base64url')}"`;
    const answer = { body, etag, atMs: this.#clockMs() };
    if (key !== undefined && this.#freshMs > 0) this.#keep(key, answer);
    return answer;
  }

  #keep(key: string, answer: CachedAnswer): void {
    const before = this.#answers.get(key);
    if (before !== undefined) this.#totalLength -= before.body.length;
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    this.#totalLength += answer.body.length;
    for (const [oldest, { body }] of this.#answers) {
      if (this.#totalLength <= MAX_TOTAL_LENGTH) break;
      this.#answers.delete(oldest);
      this.#totalLength -= body.length;
    }
  }
}

async function* continued(begin: string, iterator: AsyncIterator<string>): AsyncGenerator<string> {
  try {
    yield begin;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}
