import { readFileSync } from 'node:fs';
import Value from 'typebox/value';
import { type Document, isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { messageOf } from '../errors.ts';
import type { Position } from '../tickscript/tokens.ts';
import { CaseFileError } from './case-error.ts';
import { CaseFile } from './case-schema.ts';

type Path = readonly (string | number)[];

/** A case file as it was read, which knows where in it everything stands. */
export class CaseDocument {
  readonly file: string;
  readonly content: CaseFile;
  readonly #document: Document;
  readonly #lines: LineCounter;

  private constructor(file: string, content: CaseFile, document: Document, lines: LineCounter) {
    this.file = file;
    this.content = content;
    this.#document = document;
    this.#lines = lines;
  }

  /** @throws CaseFileError with file, line, column and what was expected */
  static read(file: string): CaseDocument {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      throw new CaseFileError(file, undefined, `cannot be read: ${messageOf(error)}`);
    }
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const [problem] = document.errors;
    if (problem !== undefined)
      throw new CaseFileError(file, positionAt(lines, problem.pos[0]), problem.message);
    const content: unknown = document.toJS();
    if (Value.Check(CaseFile, content)) return new CaseDocument(file, content, document, lines);
    const { isKey, message, path } = worstProblem(content);
    const node = (isKey ? keyNode(document, path) : undefined) ?? document.getIn(path, true);
    throw new CaseFileError(file, positionOfNode(document, lines, path, node), message);
  }

  /** Where something stands; the nearest that there is. */
  position(path: Path): Position {
    return positionOfNode(this.#document, this.#lines, path, this.#document.getIn(path, true));
  }

  /** An error about what stands there. */
  error(path: Path, message: string): CaseFileError {
    return new CaseFileError(this.file, this.position(path), message);
  }

  /** A scalar as it is written: a number of 19 digits is exact. */
  written(path: Path): string | undefined {
    const node = this.#document.getIn(path, true);
    if (!isScalar(node)) return undefined;
    return typeof node.value === 'number' && node.source !== undefined ? node.source : String(node.value);
  }
}

function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

function positionOfNode(document: Document, lines: LineCounter, path: Path, found: unknown): Position {
  let node: unknown = found;
  for (let end = path.length - 1; !hasRange(node) && end >= 0; end--)
    node = end === 0 ? document.contents : document.getIn(path.slice(0, end), true);
  return hasRange(node) ? positionAt(lines, node.range[0]) : { line: 1, column: 1 };
}

/** The key itself, not what stands behind it. */
function keyNode(document: Document, path: Path): unknown {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return undefined;
  return parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1))?.key;
}

function hasRange(node: unknown): node is Node & { range: [number, number, number] } {
  return isNode(node) && Array.isArray(node.range);
}

interface Problem {
  readonly path: Path;
  /** Whether it is the key that is wrong. */
  readonly isKey: boolean;
  readonly message: string;
}

/** Of all that a schema finds wrong, what lies deepest: the rest follows from it. */
function worstProblem(content: unknown): Problem {
  let worst: (Problem & { rank: number }) | undefined;
  const errors = Value.Errors(CaseFile, content);
  for (const error of errors) {
    const path = pathOf(error.instancePath);
    const isKey = error.keyword === 'boolean';
    // An unknown key says more than that nothing of a choice fits.
    const rank = path.length * 2 + (isKey ? 1 : 0) - (error.keyword === 'anyOf' ? 1 : 0);
    if (worst !== undefined && worst.rank >= rank) continue;
    worst = {
      path,
      isKey,
      message: isKey ? unknownKey(path, error.schemaPath) : expectation(error, errors),
      rank,
    };
  }
  return worst ?? { path: [], isKey: false, message: 'this is no case file' };
}

function unknownKey(path: Path, schemaPath: string): string {
  return `unknown key ${JSON.stringify(path.at(-1))}; there are ${knownKeys(schemaPath).join(', ')}`;
}

function pathOf(pointer: string): Path {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

function schemaAt(pointer: string): unknown {
  let schema: unknown = CaseFile;
  for (const part of pointer.replace(/^#\/?/, '').split('/')) {
    if (part === '' || typeof schema !== 'object' || schema === null) break;
    schema = new Map<string, unknown>(Object.entries(schema)).get(part);
  }
  return schema;
}

function knownKeys(schemaPath: string): string[] {
  const owner = schemaAt(schemaPath.replace(/\/additionalProperties.*$/, ''));
  return typeof owner === 'object' &&
    owner !== null &&
    'properties' in owner &&
    owner.properties instanceof Object
    ? Object.keys(owner.properties)
    : [];
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly message: string;
}

function expectation(error: SchemaError, all: readonly SchemaError[]): string {
  if (error.keyword === 'const') {
    const same = all.filter(
      ({ instancePath, keyword }) => keyword === 'const' && instancePath === error.instancePath,
    );
    return `it must be ${same.map(({ schemaPath }) => memberOf(schemaAt(schemaPath), 'const')).join(' or ')}`;
  }
  const description = memberOf(schemaAt(error.schemaPath), 'description');
  const what = description === undefined ? '' : ` (${description})`;
  if (error.keyword === 'anyOf') return `this is none of what may stand here${what}`;
  return `${error.message
    .replace(/^must be (?=[aeiou])/, 'it must be an ')
    .replace(/^must be /, 'it must be a ')
    .replace(/^must /, 'it must ')}${what}`;
}

function memberOf(schema: unknown, name: string): unknown {
  return typeof schema === 'object' && schema !== null
    ? new Map<string, unknown>(Object.entries(schema)).get(name)
    : undefined;
}
