// `npm run profile -- CASE`: where the agent's processor time goes in a case of the benchmark.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import Table from 'cli-table3';
import { CASES } from './cases.ts';

interface Profile {
  readonly nodes: readonly {
    id: number;
    callFrame: { functionName: string; url: string; lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const [name, out = 'profiles'] = process.argv.slice(2);
const chosen = CASES.find((each) => each.name === name);
if (chosen === undefined) {
  process.stderr.write(`profile: which case? There are ${CASES.map((each) => each.name).join(', ')}\n`);
  process.exit(2);
}

const skip = (reason: string): void => void process.stderr.write(`profile: ${reason}\n`);
const folder = mkdtempSync(join(tmpdir(), 'edge-profile-'));
mkdirSync(out, { recursive: true });
// The agent is started by the case; it inherits this, and so do the others, which are told apart below.
process.env.NODE_OPTIONS = `--cpu-prof --cpu-prof-dir=${resolve(out)}`;
try {
  await chosen.run({ folder, peers: [], scale: 0.5, note: () => undefined, skip });
} finally {
  rmSync(folder, { recursive: true, force: true });
}

for (const file of readdirSync(out).filter((each) => each.endsWith('.cpuprofile'))) {
  const profile: Profile = JSON.parse(readFileSync(join(out, file), 'utf8'));
  if (profile.nodes.some(({ callFrame }) => callFrame.url.endsWith('agent/session.js'))) show(file, profile);
  else rmSync(join(out, file));
}

function show(file: string, profile: Profile): void {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const self = new Map<string, number>();
  let busy = 0;
  profile.samples.forEach((id, i) => {
    const frame = frames.get(id);
    if (frame === undefined || frame.functionName === '(idle)') return;
    const key = `${frame.functionName || '(anonymous)'}\t${frame.url.split('/').slice(-2).join('/')}`;
    self.set(key, (self.get(key) ?? 0) + profile.timeDeltas[i]);
    busy += profile.timeDeltas[i];
  });
  const table = new Table({ head: ['function', 'file', 'self'], style: { head: [], border: [] } });
  for (const [key, time] of [...self].sort((a, b) => b[1] - a[1]).slice(0, 20)) {
    table.push([...key.split('\t'), `${((time / busy) * 100).toFixed(1)} %`]);
  }
  process.stdout.write(`${join(out, file)} (open it in Chromium's developer tools)\n${table.toString()}\n`);
}
