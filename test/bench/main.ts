// `npm run bench`: all cases in turns, medians and ratios in one table.
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { CASES, type Figure } from './cases.ts';
import { endAll } from './processes.ts';
import { printJson, printTable } from './report.ts';

interface Options {
  readonly only?: string[];
  readonly peer: string[];
  readonly turns: number;
  readonly scale: number;
  readonly full: boolean;
  readonly json: boolean;
}

const several = (value: string, all: string[] = []): string[] => [...all, ...value.split(',')];

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

const command = new Command('bench')
  .description(
    `measures the agent beside others, in turns\n\nCases: ${CASES.map(({ name }) => name).join(', ')}`,
  )
  .option('--only <case>', 'only this case; repeatable', several)
  .option('--peer <name=socket>', 'another agent that serves this socket; repeatable', several, [])
  .option('--turns <n>', 'how often every case runs; medians are printed', positive, 5)
  .option('--scale <factor>', 'fewer points: 0.1 for a quick look', positive, 1)
  .addOption(
    new Option('--quick', 'a look only: one turn, a tenth of the points').implies({ turns: 1, scale: 0.1 }),
  )
  .option('--full', 'the cases too that take gigabytes of memory', false)
  .option('--json', 'every single figure as JSON', false)
  .addHelpText('after', '\nExample: npm run bench -- --only saturated,latency --peer go=/tmp/go.sock');
await command.parseAsync();
const options: Options = command.opts();

const chosen = CASES.filter(
  ({ name, isLarge }) => options.only?.includes(name) ?? (options.full || isLarge !== true),
);
const unknown = options.only?.find((name) => !CASES.some((each) => each.name === name));
if (unknown !== undefined) {
  process.stderr.write(
    `bench: there is no case '${unknown}'; there are ${CASES.map(({ name }) => name).join(', ')}\n`,
  );
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'edge-bench-'));
const figures: Figure[] = [];
const skipped = new Set<string>();
const watched = process.stderr.isTTY === true;
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  // Not once: whoever stops a group of processes may signal this one twice, which would cut the tidying short.
  process.on(signal, () => {
    endAll();
    rmSync(folder, { recursive: true, force: true });
    process.exit(code);
  });
}
try {
  for (let turn = 1; turn <= options.turns; turn++) {
    for (const each of chosen) {
      if (watched) process.stderr.write(`\r\x1b[Kturn ${turn} of ${options.turns}: ${each.name}`);
      const note = (figure: Figure): void => {
        figures.push(figure);
      };
      const skip = (reason: string): void => void skipped.add(reason);
      await each.run({ folder, peers: options.peer, scale: options.scale, note, skip });
    }
  }
} finally {
  if (watched) process.stderr.write('\r\x1b[K');
  rmSync(folder, { recursive: true, force: true });
}

const machine = `${cpus().length} x ${cpus()[0].model.trim()}, Node ${process.versions.node}, ${process.platform}`;
if (options.json) printJson(machine, figures, [...skipped]);
else printTable(machine, figures, options.turns, [...skipped]);
