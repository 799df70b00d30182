import { accessSync, constants, readFileSync, renameSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { codeOf, InputError, messageOf } from '../errors.ts';
import type { NodeLog } from '../function/contract.ts';
import { setting, wording } from '../wording.ts';

// A state file := header snapshot crc
//
//   header     a line of JSON: {"format":"edge-detect state","version":1,"function":…,"savedAt":…,"lines":…}
//   snapshot   what Kapacitor would keep of the node, byte for byte
//   crc        the CRC-32 of all bytes before it, big endian

const FORMAT = 'edge-detect state';
const VERSION = 1;
const LF = 0x0a;
const CRC_BYTES = 4;

/** A node's state in a file, so that it outlives the process: written whole, or not at all. */
export class StateFile {
  readonly #path: string;
  readonly #functionName: string;
  readonly #log: NodeLog;
  /** What was last said of it: once is enough. */
  #problem = '';

  /** @throws InputError if nothing could be written there */
  constructor(path: string, functionName: string, log: NodeLog) {
    this.#path = path;
    this.#functionName = functionName;
    this.#log = log;
    try {
      accessSync(dirname(path), constants.W_OK);
    } catch (error) {
      throw new InputError(
        'FILE_UNREADABLE',
        wording`${setting('state')} ${path}: nothing can be written there: ${messageOf(error)}`,
      );
    }
  }

  /**
   * The snapshot that was saved last; undefined if there is none. A file that is damaged, or the state of something
   * else, is set aside with a warning.
   * @throws InputError if it can't be read
   */
  read(): Uint8Array | undefined {
    let bytes: Buffer;
    try {
      bytes = readFileSync(this.#path);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw new InputError(
        'FILE_UNREADABLE',
        wording`${setting('state')} ${this.#path} can't be read: ${messageOf(error)}`,
      );
    }
    const problem = problemOf(bytes, this.#functionName);
    if (problem === undefined) return bytes.subarray(bytes.indexOf(LF) + 1, bytes.length - CRC_BYTES);
    const aside = `${this.#path}.damaged`;
    renameSync(this.#path, aside);
    this.#log.warn(
      { file: this.#path, setAside: aside, problem },
      'the state file cannot be taken up: it is set aside, and the node starts empty',
    );
    return undefined;
  }

  /**
   * Puts the snapshot in the place of the one before. Where that fails, a warning says so, and the one before stays.
   * @param lines of the input that it covers
   */
  async write(snapshot: readonly Uint8Array[], lines: number): Promise<void> {
    const path = `${this.#path}.new`;
    try {
      const file = await open(path, 'w', 0o600);
      try {
        await file.writev(partsOf(this.#functionName, snapshot, lines));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(path, this.#path);
      await syncFolder(dirname(this.#path));
      this.#problem = '';
    } catch (error) {
      const problem = messageOf(error);
      if (problem !== this.#problem)
        this.#log.warn({ file: this.#path, problem }, 'the state could not be saved: the one before stays');
      this.#problem = problem;
    }
  }
}

function partsOf(functionName: string, snapshot: readonly Uint8Array[], lines: number): Uint8Array[] {
  const savedAt = new Date().toISOString();
  const header = { format: FORMAT, version: VERSION, function: functionName, savedAt, lines };
  const parts = [Buffer.from(`${JSON.stringify(header)}\n`), ...snapshot];
  let crc = 0;
  for (const part of parts) crc = crc32(part, crc);
  const end = Buffer.alloc(CRC_BYTES);
  end.writeUInt32BE(crc);
  return [...parts, end];
}

/** Why a file holds no state of this function; undefined if it does. */
function problemOf(bytes: Buffer, functionName: string): string | undefined {
  const headerEnd = bytes.indexOf(LF);
  if (headerEnd < 0 || bytes.length < headerEnd + 1 + CRC_BYTES) return 'it is cut off, or no state file';
  const end = bytes.length - CRC_BYTES;
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32BE(end)) return 'its checksum is wrong';
  try {
    const header: unknown = JSON.parse(bytes.toString('utf8', 0, headerEnd));
    if (typeof header !== 'object' || header === null) return 'it has no header';
    if (!('format' in header) || header.format !== FORMAT) return 'it is no state file';
    if (!('version' in header) || header.version !== VERSION) return 'it is of another version';
    if (!('function' in header) || header.function !== functionName)
      return `it is the state of another function than ${functionName}`;
    return undefined;
  } catch {
    return 'its header is no JSON';
  }
}

/** Else the new name might be lost with the machine's power, but not the data. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
