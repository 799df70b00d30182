import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { versionOf } from '../support/program-version.ts';
import { Dice } from '../support/scenarios/dice.ts';
import { Stand, type Tally } from './stand.ts';

const HELP = `Kills the agent, kapacitord, or both, at random moments under load, again and again, and holds every edge
against what was fed: none may be wrong, and none missing that the last snapshot promises.

  npm run kills -- [--minutes N] [--cycles N] [--stands N] [--seed N]

With the kapacitord that KAPACITORD names, or that is on the PATH, and with a second one that KAPACITORD_1_5 names, if
any, at the same time. Stops after so many minutes or cycles, whichever comes first. The exit code is 1 if an edge was
wrong or lost, a task stayed dead, or kapacitord fell by what is not its own fault.`;

/** A stand begins anew after so many cycles: what was fed is kept all the while. */
const CYCLES_PER_STAND = 25;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    cycles: { type: 'string', default: '1000000' },
    stands: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    help: { type: 'boolean', default: false },
  },
});

const endMs = performance.now() + Number(values.minutes) * 60_000;
let cyclesLeft = Number(values.cycles);

// Whoever has seen enough gets what there is.
process.once('SIGINT', () => {
  cyclesLeft = 0;
});

interface Report {
  readonly version: string;
  readonly tally: Tally;
  edges: number;
  again: number;
  never: number;
}

const programs = [process.env.KAPACITORD ?? 'kapacitord', process.env.KAPACITORD_1_5]
  .filter((program) => program !== undefined)
  .map((program) => ({
    program,
    version: /\d+\.\d+\.\d+/.exec(versionOf(program) ?? '')?.[0],
  }));
if (values.help || !(endMs > 0)) console.log(HELP);
else if (programs.some(({ version }) => version === undefined)) {
  console.error(`No kapacitord: name one by KAPACITORD.\n\n${HELP}`);
  process.exitCode = 2;
} else process.exitCode = await main();

async function main(): Promise<number> {
  console.error(`seed ${values.seed}`);
  const runs = programs.flatMap(({ program, version = '' }) =>
    Array.from({ length: Number(values.stands) }, (_, i) => run(program, version, Number(values.seed) + i)),
  );
  const reports = await Promise.all(runs);
  const table = new Table({
    head: [
      'Kapacitor',
      'agent',
      'kapacitord',
      'both',
      'edges',
      'wrong or lost',
      'told again',
      'never told',
      'back, median',
      'most',
      'own falls',
    ],
    style: { head: [], border: [] },
  });
  for (const { again, edges, never, tally, version } of reports) {
    const backs = tally.backMs.toSorted((a, b) => a - b).map((ms) => (ms / 1000).toFixed(1));
    const falls = [...tally.falls].map(([said, count]) => `${count} × ${said}`).join('; ');
    const { agent, both, kapacitord } = tally.kills;
    table.push([
      version,
      agent,
      kapacitord,
      both,
      edges,
      tally.faults.length,
      again,
      never,
      backs[Math.floor(backs.length / 2)] ?? '',
      backs.at(-1) ?? '',
      falls,
    ]);
  }
  console.log(table.toString());
  const faults = reports.flatMap(({ tally, version }) => tally.faults.map((fault) => `${version}: ${fault}`));
  for (const fault of faults) console.log(fault);
  return faults.length === 0 ? 0 : 1;
}

async function run(program: string, version: string, seed: number): Promise<Report> {
  const dice = new Dice(String(seed));
  const tally: Tally = {
    kills: { agent: 0, kapacitord: 0, both: 0 },
    falls: new Map(),
    faults: [],
    backMs: [],
  };
  const report: Report = { version, tally, edges: 0, again: 0, never: 0 };
  while (performance.now() < endMs && cyclesLeft > 0) {
    const stand = await Stand.start(program, dice);
    try {
      for (let i = 0; i < CYCLES_PER_STAND && performance.now() < endMs && cyclesLeft-- > 0; i++)
        await stand.cycle();
    } catch (error) {
      tally.faults.push(String(error));
    }
    await stand.stop();
    add(report, stand);
    console.error(
      `${version}: ${tally.backMs.length} cycles, ${report.edges} edges, ${tally.faults.length} faults`,
    );
  }
  return report;
}

function add(report: Report, { ledger, tally }: Stand): void {
  for (const victim of ['agent', 'kapacitord', 'both'] as const)
    report.tally.kills[victim] += tally.kills[victim];
  for (const [said, count] of tally.falls)
    report.tally.falls.set(said, (report.tally.falls.get(said) ?? 0) + count);
  report.tally.faults.push(...tally.faults);
  report.tally.backMs.push(...tally.backMs);
  report.edges += ledger.checked;
  report.again += ledger.promised.again;
  report.never += ledger.promised.never;
}
