import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, messageOf, OperationError } from '../../errors.ts';
import { SCOPES, type Scope } from './guard.ts';

/** A token as the file has it: never the token itself. */
export interface KnownToken {
  readonly name: string;
  readonly scope: Scope;
  /** When it was made, in RFC 3339. */
  readonly created: string;
  /** SHA-256, in hexadecimal digits: a token is long and random, so nothing is gained by a slower hash. */
  readonly hash: string;
}

const TOKEN_BYTES = 32;
/** So that a token that was left lying about is known for what it is. */
const TOKEN_PREFIX = 'edt_';
/** How soon a token that was made, or revoked, counts. */
const LOOK_EVERY_MS = 1_000;
const NAME = /^[\w.-]{1,64}$/;

/**
 * The tokens of a server, a line each: SCOPE NAME CREATED HASH. The file may change while the server runs; a token
 * revoked is worth nothing a second later.
 */
export class TokenFile {
  readonly path: string;
  readonly #clockMs: () => number;
  #byHash = new Map<string, KnownToken>();
  #lookedMs = Number.NEGATIVE_INFINITY;
  #version = '';

  constructor(path: string, clockMs: () => number) {
    this.path = path;
    this.#clockMs = clockMs;
  }

  /** @throws OperationError if the file can't be read, or holds something else */
  list(): KnownToken[] {
    return this.#read();
  }

  /** What a token may; undefined if it is not known. */
  scopeOf(token: string): Scope | undefined {
    this.#look();
    return this.#byHash.get(hashOf(token))?.scope;
  }

  /**
   * Makes a token.
   * @returns the token, which can't be had again
   * @throws OperationError
   */
  add(scope: Scope, name: string): string {
    if (!NAME.test(name))
      throw new OperationError(
        `the name of a token is up to 64 letters, digits, dots and dashes, not '${name}'`,
      );
    const tokens = this.#read();
    if (tokens.some((token) => token.name === name))
      throw new OperationError(
        `there is a token called ${name} already; revoke it first, or choose another name`,
      );
    const token = TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString('base64url');
    this.#write([...tokens, { scope, name, created: new Date().toISOString(), hash: hashOf(token) }]);
    return token;
  }

  /** @throws OperationError if there is no such token */
  remove(name: string): void {
    const tokens = this.#read();
    const left = tokens.filter((token) => token.name !== name);
    if (left.length === tokens.length)
      throw new OperationError(`there is no token called ${name} in ${this.path}`);
    this.#write(left);
  }

  #look(): void {
    const nowMs = this.#clockMs();
    if (nowMs - this.#lookedMs < LOOK_EVERY_MS) return;
    this.#lookedMs = nowMs;
    const version = versionOf(this.path);
    if (version === this.#version) return;
    this.#byHash = new Map(this.#read().map((token) => [token.hash, token]));
    this.#version = version;
  }

  #read(): KnownToken[] {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw new OperationError(`cannot read the tokens in ${this.path}: ${messageOf(error)}`);
    }
    return text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => this.#parse(line));
  }

  #parse(line: string): KnownToken {
    const [scope, name, created, hash] = line.split(' ');
    const known = SCOPES.find((each) => each === scope);
    if (
      known === undefined ||
      name === undefined ||
      created === undefined ||
      !/^[0-9a-f]{64}$/.test(hash ?? '')
    )
      throw new OperationError(
        `${this.path} is no file of tokens: expected lines of SCOPE NAME CREATED HASH`,
      );
    return { scope: known, name, created, hash: hash ?? '' };
  }

  /** In one step: a server that looks meanwhile sees the tokens before or after. */
  #write(tokens: readonly KnownToken[]): void {
    const lines = tokens.map(({ created, hash, name, scope }) => `${scope} ${name} ${created} ${hash}\n`);
    const draft = `${this.path}.new`;
    try {
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
      writeFileSync(draft, lines.join(''), { mode: 0o600 });
      renameSync(draft, this.path);
    } catch (error) {
      throw new OperationError(`cannot write the tokens to ${this.path}: ${messageOf(error)}`);
    }
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Another one for another content. */
function versionOf(path: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(path);
    return `${ino} ${mtimeMs} ${size}`;
  } catch {
    return '';
  }
}
