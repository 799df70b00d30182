import { parseArgs } from 'node:util';
import { Campaign, MEMORY_BOUND_MIB } from './campaign.ts';
import { readCase } from './case.ts';

const HELP = `Hostile bytes against an agent of its own, until the time is over.

  npm run fuzz -- [--minutes N] [--seed TEXT] [--parallel N]
  npm run fuzz -- --case FILE       one conversation again

The exit code is 1 if anything failed; each failing conversation is a file then.`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: Date.now().toString(36) },
    parallel: { type: 'string', default: '8' },
    case: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const say = (line: string): void => console.error(line);
const minutes = Number(values.minutes);
const parallel = Number(values.parallel);
if (values.help || !(minutes > 0) || !(parallel >= 1)) console.log(HELP);
else if (values.case === undefined) process.exitCode = await attack(values.seed);
else process.exitCode = await again(values.case);

async function attack(seed: string): Promise<number> {
  say(`seed ${seed}: ${minutes} minutes, ${parallel} conversations at a time`);
  const startMs = performance.now();
  const campaign = await Campaign.start(seed, say);
  const isWatched = process.stderr.isTTY === true;
  const progress = setInterval(
    () => {
      const seconds = Math.round((performance.now() - startMs) / 1000);
      const { conversations, recordings, failures, peakMib } = campaign;
      const line = `${seconds} s: ${conversations} conversations, ${recordings} recordings, ${failures} failures, agent at most ${Math.round(peakMib)} MiB`;
      if (isWatched) process.stderr.write(`\r\x1b[K${line}`);
      else say(line);
    },
    isWatched ? 500 : 60_000,
  );
  await campaign.run(startMs + minutes * 60_000, parallel);
  clearInterval(progress);
  if (isWatched) say('');
  await campaign.stop();
  const { conversations, recordings, failures, peakMib, canaryEdges, slowestMs } = campaign;
  console.log(
    [
      `seed ${seed}: ${conversations} conversations and ${recordings} recordings in ${minutes} minutes, ${failures} failures`,
      `agent: at most ${Math.round(peakMib)} MiB of ${MEMORY_BOUND_MIB}`,
      `beside them: ${canaryEdges} edges expected and got, the slowest answer after ${Math.round(slowestMs)} ms`,
    ].join('\n'),
  );
  return failures === 0 ? 0 : 1;
}

async function again(file: string): Promise<number> {
  const campaign = await Campaign.start('again', say);
  const faults = await campaign.have(readCase(file));
  await campaign.stop();
  console.log(faults.length === 0 ? 'no fault' : faults.join('\n'));
  return faults.length === 0 ? 0 : 1;
}
