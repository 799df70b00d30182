import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { messageOf } from '../errors.ts';
import type { CaseDocument } from './case-document.ts';
import type { BatchSpec, DataSpec, TestCase } from './case-schema.ts';
import { filePoints } from './file-points.ts';
import { CaseTextError, generatePoints, parsePoints, type TimedPoint } from './points.ts';
import type { QueriedBatch } from './recordings.ts';
import { type ScriptSource, ScriptSourceError, scriptSource } from './script-source.ts';
import { DEFAULT_START_NS, parseCaseTime, parseDate } from './times.ts';

export type Path = readonly (string | number)[];

/** A topic handler from a file, as [load] has it. */
export interface TopicHandler {
  readonly topic: string;
  readonly kind: string;
  readonly match: string | undefined;
  readonly options: ReadonlyMap<string, unknown>;
}

/** A case whose script and data are at hand. */
export interface PreparedCase {
  readonly document: CaseDocument;
  /** Where it stands in the document. */
  readonly path: Path;
  readonly spec: TestCase;
  readonly script: ScriptSource;
  readonly database: string;
  readonly policy: string;
  readonly startNs: bigint;
  readonly tolerance: number;
  readonly handlers: readonly TopicHandler[];
}

/** @throws CaseFileError */
export function prepareCases(document: CaseDocument): PreparedCase[] {
  const { content, file } = document;
  const folder = dirname(file);
  const start = content.start === undefined ? DEFAULT_START_NS : parseDate(content.start);
  if (start === undefined)
    throw document.error(['start'], `'${content.start}' is no date such as 2024-01-01T00:00:00Z`);
  const handlers = (content.handlers ?? []).map((each, index) =>
    placed(document, ['handlers', index], () => readHandler(resolve(folder, each))),
  );
  return content.tests.map((spec, index) => {
    const key = content.script === undefined ? 'template' : 'script';
    const given = content[key];
    if (given === undefined) throw document.error([], 'a case file needs a script, or a template with vars');
    const script = placed(document, [key], () =>
      scriptSource(given, folder, { ...content.vars, ...spec.vars }),
    );
    return {
      document,
      path: ['tests', index],
      spec,
      script,
      database: content.database ?? script.dbrp?.database ?? 'telegraf',
      policy: content.policy ?? script.dbrp?.policy ?? 'autogen',
      startNs: start,
      tolerance: spec.tolerance ?? content.tolerance ?? 0,
      handlers,
    };
  });
}

/** What goes wrong with something that a case file says is told with its place there. */
export function placed<T>(document: CaseDocument, path: Path, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CaseTextError || error instanceof ScriptSourceError)
      throw document.error(path, error.message);
    throw error;
  }
}

function readHandler(file: string): TopicHandler {
  let content: unknown;
  try {
    content = parseYaml(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new CaseTextError(`${file}: ${messageOf(error)}`);
  }
  const given = new Map<string, unknown>(
    typeof content === 'object' && content !== null ? Object.entries(content) : [],
  );
  const [topic, kind, match, options] = ['topic', 'kind', 'match', 'options'].map((name) => given.get(name));
  if (typeof topic !== 'string' || typeof kind !== 'string')
    throw new CaseTextError(`${file}: a handler needs a topic and a kind`);
  return {
    topic,
    kind,
    match: typeof match === 'string' ? match : undefined,
    options: new Map(typeof options === 'object' && options !== null ? Object.entries(options) : []),
  };
}

/**
 * The points of a stream, in the order in which they arrive: as written; of several generators by time.
 * @throws CaseFileError
 */
export async function streamPoints(
  prepared: PreparedCase,
  data: DataSpec,
  path: Path,
): Promise<TimedPoint[]> {
  const { document, startNs } = prepared;
  if (typeof data === 'string') return placed(document, path, () => parsePoints(data, startNs));
  if ('generate' in data) {
    const texts = typeof data.generate === 'string' ? [data.generate] : data.generate;
    const points = texts.flatMap((text) =>
      placed(document, [...path, 'generate'], () => generatePoints(text, startNs)),
    );
    return points.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  }
  return filePoints(prepared, data, [...path, 'file']);
}

/** What each query found. @throws CaseFileError */
export function queriedBatches(prepared: PreparedCase): QueriedBatch[][] {
  const { document, path, spec } = prepared;
  return (spec.batches ?? []).map((query, index) =>
    (Array.isArray(query) ? query : [query]).flatMap((batch, at) =>
      placed(document, [...path, 'batches', index, ...(Array.isArray(query) ? [at] : [])], () =>
        batchesOf(batch, prepared.startNs),
      ),
    ),
  );
}

/** The points of a query, a batch for each set of tags unless the case says which. */
function batchesOf(spec: BatchSpec, startNs: bigint): QueriedBatch[] {
  const given = typeof spec === 'string' ? { points: spec } : spec;
  const points = parsePoints(given.points, startNs);
  const endNs = given.time === undefined ? undefined : parseCaseTime(given.time, startNs);
  if (given.time !== undefined && endNs === undefined)
    throw new CaseTextError(`'${given.time}' is no time such as +90s`);
  const groups = new Map<string, TimedPoint[]>();
  for (const point of points) {
    const key = given.tags === undefined ? JSON.stringify([...point.tags].sort()) : '';
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [point]);
    else group.push(point);
  }
  return [...groups.values()].map((group) => {
    const times = group.map(({ time }) => time).sort((a, b) => (a < b ? -1 : 1));
    return {
      name: given.name ?? group[0]?.measurement ?? '',
      tags: given.tags === undefined ? (group[0]?.tags ?? new Map()) : new Map(Object.entries(given.tags)),
      tmaxNs: endNs ?? times.at(-1) ?? startNs,
      points: group,
    };
  });
}
