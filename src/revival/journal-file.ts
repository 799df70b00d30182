import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  fsync,
  fsyncSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { codeOf } from '../errors.ts';

/** More than the journal of forty thousand sessions. Whatever is longer was not written here. */
const MAX_BYTES = 32 * 1024 * 1024;

/**
 * The lines of a file; of one that is longer than any journal the last ones, which are the newest.
 * @returns undefined where there is no file
 * @throws Error where it can't be read, or is no file
 */
export function readLines(path: string): { lines: string[]; isCut: boolean } | undefined {
  let file: number;
  try {
    // A pipe that somebody put there would hold up the process until somebody writes to it.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new Error('it is no file');
    const isCut = stats.size > MAX_BYTES;
    const bytes = Buffer.alloc(Math.min(stats.size, MAX_BYTES));
    const length = readSync(file, bytes, 0, bytes.length, isCut ? stats.size - MAX_BYTES : 0);
    const lines = bytes.toString('utf8', 0, length).split('\n');
    if (isCut) lines.shift();
    return { lines, isCut };
  } finally {
    closeSync(file);
  }
}

/** A file of records, a line each, that one owner writes, and that nobody else should touch. */
export class RecordFile {
  readonly #path: string;
  #file: number | undefined;
  /** The file as it was left. */
  #left: BigIntStats | undefined;
  #records = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** How many records it has. */
  get records(): number {
    return this.#records;
  }

  /** Whether it is there as it was left: somebody may clean up the folder, and truncate or replace what lies in it. */
  get isIntact(): boolean {
    if (this.#left === undefined) return false;
    let now: BigIntStats | undefined;
    try {
      now = lstatSync(this.#path, { bigint: true, throwIfNoEntry: false });
    } catch {
      return false;
    }
    const { ino, size, mtimeNs } = this.#left;
    return now?.ino === ino && now.size === size && now.mtimeNs === mtimeNs;
  }

  /** Appends a record. @throws Error where it can't be; it may be there in part then, and the file must be written anew */
  append(record: object): void {
    if (this.#file === undefined) throw new Error('the file was never written');
    writeAll(this.#file, `${JSON.stringify(record)}\n`);
    this.#records++;
    this.#left = fstatSync(this.#file, { bigint: true });
  }

  /**
   * Writes the file anew; a kill at any moment leaves the one before or this one.
   * @param isUrgent whether it must be on the disk before this returns, where no loss of power can undo it
   * @throws Error where it can't be; the next append must write it anew
   */
  write(records: Iterable<object>, isUrgent: boolean): void {
    this.close();
    const path = `${this.#path}.new`;
    rmSync(path, { force: true });
    // Never through a link that somebody put there.
    const file = openSync(path, 'ax', 0o640);
    try {
      const lines = Array.from(records, (record) => `${JSON.stringify(record)}\n`);
      writeAll(file, lines.join(''));
      if (isUrgent) fsyncSync(file);
      renameSync(path, this.#path);
      this.#left = fstatSync(file, { bigint: true });
      this.#records = lines.length;
    } catch (error) {
      closeSync(file);
      throw error;
    }
    this.#file = file;
  }

  /** Resolves when what was appended is on the disk, as far as the system can tell. */
  synced(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return Promise.resolve();
    // One that is written anew meanwhile was on the disk before: its write was urgent.
    return new Promise((resolve) => fsync(file, () => resolve()));
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    this.#left = undefined;
  }
}

/** A full disk may take a part only. */
function writeAll(file: number, text: string): void {
  const bytes = Buffer.from(text);
  if (writeSync(file, bytes) < bytes.length) throw new Error('no space left');
}
