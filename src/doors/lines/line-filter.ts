import type { NodeLimits, NodeLog, UdfFunction } from '../../function/contract.ts';
import { Node } from '../../function/node.ts';
import { LineScanner, SCANNED } from '../../line-protocol/scanner.ts';
import type { NamedOption } from '../../wire/messages.ts';
import { EmittedLines } from '../emitted-lines.ts';
import { OutputBytes } from '../output-bytes.ts';

const LF = 0x0a;
const QUOTE = 0x22;
const BOM = Buffer.from('\ufeff');

/** A line, with the strings in it, may be so long: a quote that is never closed must not fill the memory. */
const MAX_LINE_BYTES = 1024 * 1024;

/** For so long a string may stay open while nothing more comes: then its quote was one too many. */
const OPEN_STRING_MS = 1000;

export interface LineFilterOptions {
  /** One that wants a stream. */
  readonly function: UdfFunction;
  readonly options: readonly NamedOption[];
  /** The measurement whose points the node gets; undefined: all. */
  readonly measurement: string | undefined;
  /** Names of tags; `*` among them stands for all that a point has. */
  readonly groupBy: readonly string[];
  /** Whether lines of other measurements go out as they are, in their place, or not at all. */
  readonly passesOthers: boolean;
  readonly limits: NodeLimits;
  readonly log: NodeLog;
  /** The machine's monotonic clock in milliseconds. */
  readonly clockMs: () => number;
  /** The machine's clock in milliseconds since the epoch. */
  readonly wallMs: () => number;
  /** The time of a line that has none, in nanoseconds since the epoch; undefined: that of the wall clock. */
  readonly lineTimeNs?: () => bigint;
  /** What the lines come from, for messages. */
  readonly name: string;
  /** Is told of each line that is none. @param problem with its place @param line as it came */
  readonly complain: (problem: string, line: string) => void;
}

/** A node between lines and lines: bytes come in, in pieces cut anywhere, and lines go out. */
export class LineFilter {
  readonly node: Node;
  readonly #options: LineFilterOptions;
  readonly #scanner: LineScanner;
  readonly #measurement: Uint8Array | undefined;
  readonly #output = new OutputBytes();
  /** What has come of a line, or of a string over several, whose end has not. */
  #pending: Buffer = Buffer.alloc(0);
  /** Since when a string is open. */
  #openSinceMs: number | undefined;
  /** Whether a quote has come since, which may close it. */
  #mayClose = false;
  #isAtStart = true;
  /** Whether a line is being passed over that is too long. */
  #isSkipping = false;
  #lastNs = 0n;

  /** @throws OptionsError naming everything that is wrong with the options */
  constructor(options: LineFilterOptions) {
    this.#options = options;
    const { groupBy, limits, log, clockMs, wallMs, measurement } = options;
    this.#measurement = measurement === undefined ? undefined : Buffer.from(measurement);
    this.#scanner = new LineScanner({
      groupBy,
      keepsLine: true,
      takesUnsigned: true,
      nowNs: options.lineTimeNs ?? (() => this.#nowNs()),
    });
    const sink = new EmittedLines(this.#output, (problem) => log.warn({}, problem));
    this.node = new Node(options.function, { options: options.options, limits, log, clockMs, wallMs }, sink);
  }

  /** Lines that were read to their ends. */
  get lines(): number {
    return this.#scanner.line - 1;
  }

  /** Takes a piece; whatever it completes is answered by what {@link takeOutput} gives then. Throws what the node throws. */
  push(chunk: Uint8Array): void {
    const lineEnd = chunk.lastIndexOf(LF) + 1;
    if (this.#openSinceMs !== undefined && chunk.includes(QUOTE)) this.#mayClose = true;
    if (lineEnd === 0 || (this.#openSinceMs !== undefined && !this.#mayClose)) {
      this.#keep(chunk);
      return;
    }
    if (this.#pending.length === 0) {
      this.#scan(chunk, lineEnd, false);
      return;
    }
    const whole = Buffer.concat([this.#pending, chunk]);
    this.#pending = Buffer.alloc(0);
    this.#scan(whole, whole.lastIndexOf(LF) + 1, false);
  }

  /** The input is at its end: what is left of it may be a line without a line break. */
  end(): void {
    const rest = this.#pending;
    this.#pending = Buffer.alloc(0);
    this.#scan(rest, rest.length, true);
  }

  /** The clock went on: whatever waits for it is done. */
  tick(nowMs: number): void {
    if (this.#openSinceMs !== undefined && nowMs - this.#openSinceMs > OPEN_STRING_MS) this.#giveUpString();
    if (this.node.wantsTicks) this.node.tick(nowMs);
  }

  /** The lines that go out, all since the last call. */
  takeOutput(): Buffer {
    return this.#output.take();
  }

  #scan(bytes: Uint8Array, limit: number, isFinal: boolean): void {
    const scanner = this.#scanner;
    const { node } = this;
    const measurement = this.#measurement;
    let p = this.#startOf(bytes);
    if (this.#isSkipping) p = this.#skipRest(bytes, p);
    this.#openSinceMs = undefined;
    this.#mayClose = false;
    for (;;) {
      const found = scanner.next(bytes, p, limit, isFinal);
      p = scanner.position;
      if (found === SCANNED.point) {
        if (measurement === undefined || scanner.isOf(measurement))
          node.point(scanner.body, 0, scanner.bodyLength);
        else if (this.#options.passesOthers) this.#pass(bytes, scanner.start, scanner.end);
        continue;
      }
      if (found === SCANNED.end) break;
      if (found === SCANNED.open && limit - p <= MAX_LINE_BYTES) {
        this.#openSinceMs = this.#options.clockMs();
        this.#mayClose = bytes.includes(QUOTE, limit);
        break;
      }
      this.#refuse(bytes, p, limit);
      scanner.skipLine();
      p = scanner.position;
    }
    node.settle();
    if (p < bytes.length) this.#keep(Buffer.from(bytes.subarray(p)));
  }

  #pass(bytes: Uint8Array, start: number, end: number): void {
    this.#output.append(bytes, start, end);
    this.#output.byte(LF);
  }

  #refuse(bytes: Uint8Array, start: number, limit: number): void {
    const { complain, name } = this.#options;
    const lineFeed = bytes.indexOf(LF, start);
    const end = lineFeed < 0 || lineFeed > limit ? limit : lineFeed;
    complain(this.#scanner.complaint(name), Buffer.from(bytes.subarray(start, end)).toString('utf8'));
  }

  #keep(chunk: Uint8Array): void {
    if (this.#isSkipping) return;
    this.#pending = this.#pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#pending, chunk]);
    if (this.#pending.length <= MAX_LINE_BYTES) return;
    if (this.#openSinceMs !== undefined) {
      this.#giveUpString();
      return;
    }
    const { complain, name } = this.#options;
    complain(`${name}:${this.#scanner.line}: a line does not end within ${MAX_LINE_BYTES} bytes`, '');
    this.#pending = Buffer.alloc(0);
    this.#isSkipping = true;
  }

  /** The position behind a line that was too long. */
  #skipRest(bytes: Uint8Array, start: number): number {
    this.#isSkipping = false;
    this.#scanner.line++;
    const lineFeed = bytes.indexOf(LF, start);
    return lineFeed < 0 ? bytes.length : lineFeed + 1;
  }

  /** The first line of those that an open string spans is none; what follows is read without it. */
  #giveUpString(): void {
    const bytes = this.#pending;
    this.#pending = Buffer.alloc(0);
    const limit = bytes.lastIndexOf(LF) + 1;
    const scanner = this.#scanner;
    scanner.next(bytes, 0, limit, true);
    this.#refuse(bytes, scanner.position, limit);
    scanner.skipLine();
    this.#scan(bytes.subarray(scanner.position), limit - scanner.position, false);
  }

  /** Some programs begin a file with a mark of its encoding. */
  #startOf(bytes: Uint8Array): number {
    if (!this.#isAtStart || bytes.length < BOM.length) return 0;
    this.#isAtStart = false;
    return BOM.equals(bytes.subarray(0, BOM.length)) ? BOM.length : 0;
  }

  /** The time of a line that has none; it never goes back. */
  #nowNs(): bigint {
    const nowNs = BigInt(Math.round(this.#options.wallMs() * 1000)) * 1000n;
    if (nowNs > this.#lastNs) this.#lastNs = nowNs;
    return this.#lastNs;
  }
}
