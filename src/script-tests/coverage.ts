import { type Chain, outlineOf, type ScriptOutline } from '../tickscript/chains.ts';
import { ScriptSyntaxError } from '../tickscript/tokens.ts';
import type { CaseResult } from './run.ts';

/** What no case of a script ever brought about. */
export interface ScriptCoverage {
  readonly script: string;
  readonly nodes: number;
  /** Nodes that no point ever reached. */
  readonly unreached: readonly string[];
  /** The levels that each alert node can have and never had. */
  readonly unseenLevels: ReadonlyMap<string, readonly string[]>;
}

const LEVEL_OF_PROPERTY: ReadonlyMap<string, string> = new Map([
  ['info', 'INFO'],
  ['warn', 'WARNING'],
  ['crit', 'CRITICAL'],
]);

/** What cases reached, script by script. */
export function coverageOf(results: readonly CaseResult[]): ScriptCoverage[] {
  const byScript = new Map<string, CaseResult[]>();
  for (const result of results) {
    const { document, script } = result.prepared;
    const name = script.file ?? `${document.file} (script)`;
    byScript.set(name, [...(byScript.get(name) ?? []), result]);
  }
  return [...byScript].flatMap(([script, all]) => {
    const coverage = scriptCoverage(script, all);
    return coverage === undefined ? [] : [coverage];
  });
}

function scriptCoverage(script: string, results: readonly CaseResult[]): ScriptCoverage | undefined {
  const ran = results.filter(({ graph, outcome }) => graph !== undefined && outcome !== undefined);
  const nodes = ran[0]?.graph?.nodes.filter((name) => !/^(stream|batch)0$/.test(name)) ?? [];
  if (nodes.length === 0) return undefined;
  const reached = new Set(nodes.filter((name) => ran.some((result) => isReached(name, result))));
  return {
    script,
    nodes: nodes.length,
    unreached: nodes.filter((name) => !reached.has(name)),
    unseenLevels: unseenLevels(ran, nodes),
  };
}

/** A node that reads the source is reached by what it wants of it, every other one by what came in. */
function isReached(name: string, { graph, outcome }: CaseResult): boolean {
  const node = outcome?.nodes.get(name);
  if (node === undefined) return false;
  const readsSource = graph?.edges.some(({ from, to }) => to === name && /^(stream|batch)0$/.test(from));
  return readsSource === true ? node.emitted > 0 : node.collected > 0;
}

function unseenLevels(ran: readonly CaseResult[], nodes: readonly string[]): Map<string, string[]> {
  const text = ran[0]?.prepared.script.text ?? '';
  const alerts = nodes.filter((name) => /^alert\d+$/.test(name)).sort((a, b) => numberOf(a) - numberOf(b));
  const possible = levelsOfAlerts(text);
  const unseen = new Map<string, string[]>();
  alerts.forEach((name, index) => {
    const seen = new Set(
      ran.flatMap(({ outcome }) =>
        (outcome?.alerts ?? []).filter(({ node }) => node === name).map(({ event }) => event.level),
      ),
    );
    const missing = (possible[index] ?? []).filter((level) => !seen.has(level));
    if (missing.length > 0) unseen.set(name, missing);
  });
  return unseen;
}

function numberOf(name: string): number {
  return Number(/\d+$/.exec(name)?.[0]);
}

/** The levels that each alert node of a script can have, in the order of the nodes. */
function levelsOfAlerts(script: string): string[][] {
  let outline: ScriptOutline;
  try {
    outline = outlineOf(script);
  } catch (error) {
    if (error instanceof ScriptSyntaxError) return [];
    throw error;
  }
  return outline.chains.flatMap((chain) =>
    chain.nodes.flatMap((node, index) => {
      if (node.name === 'deadman') return [['CRITICAL', 'OK']];
      if (node.name !== 'alert') return [];
      const isLast = index === chain.nodes.length - 1;
      const properties = [...node.properties, ...(isLast ? propertiesOfVariable(outline.chains, chain) : [])];
      const levels = properties.flatMap(({ name }) => LEVEL_OF_PROPERTY.get(name) ?? []);
      const hasRecoveries = !properties.some(({ name }) => name === 'noRecoveries');
      return [hasRecoveries && levels.length > 0 ? [...levels, 'OK'] : levels];
    }),
  );
}

function propertiesOfVariable(chains: readonly Chain[], { variable }: Chain) {
  if (variable === undefined) return [];
  return chains
    .filter(({ source }) => source === variable)
    .flatMap(({ sourceProperties }) => sourceProperties);
}

/** The lines that follow a report. */
export function coverageLines(coverages: readonly ScriptCoverage[]): string[] {
  return coverages.flatMap(({ nodes, script, unreached, unseenLevels: unseen }) => {
    const reached = nodes - unreached.length;
    return [
      `${script}: ${reached} of ${nodes} nodes reached`,
      ...unreached.map((name) => `  no point ever reached ${name}`),
      ...[...unseen].map(([name, levels]) => `  ${name} was never ${levels.join(' or ')}`),
    ];
  });
}
