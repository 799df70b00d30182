import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { random } from './points.ts';
import { cpuSeconds, type Subject } from './processes.ts';

const TASK = 'edges';
const SCRIPT = `stream
    |from()
        .measurement('adsl_connection')
        .groupBy('host')
    @edgeDetect()
        .field('value')`;
/** The node's name in Kapacitor's statistics. */
const NODE = 'edgeDetect2';
const STATES = ['SHOWTIME', 'TRAINING', 'HANDSHAKE', 'IDLE'];
const GROUPS = 1000;
const EDGES = 0.02;
/** Points of one request. */
const REQUEST_POINTS = 5000;
/** Requests under way at a time: while one is parsed, Kapacitor works on the points of the other. */
const WRITERS = 2;

/** The points that a writer sends again and again: its own groups, so that their order holds. */
function request(writer: number): string[] {
  const next = random(writer + 1);
  const states = new Uint8Array(GROUPS);
  return Array.from({ length: REQUEST_POINTS }, (_, i) => {
    const group = (i * WRITERS + writer) % GROUPS;
    if (next() < EDGES) states[group] = (states[group] + 1) % STATES.length;
    const doubles = ['snr_down', 'snr_up', 'attn_down', 'attn_up'].map((name) => `${name}=${next() * 50}`);
    const ints = ['rate_down', 'crc_errors'].map((name) => `${name}=${Math.floor(next() * 9e6)}i`);
    const host = `router-${String(group).padStart(9, '0')}`;
    const fields = [...doubles, ...ints, `value="${STATES[states[group]]}"`].join(',');
    return `adsl_connection,host=${host},region=north ${fields} ${1_600_000_000_000_000_000n + BigInt(i)}`;
  });
}

/**
 * Sends points through a Kapacitor of its own to a task with the agent.
 * @param program kapacitord
 * @returns units and values
 */
export async function measureWithKapacitor(
  program: string,
  subject: Subject,
  folder: string,
  scale: number,
): Promise<[string, number][]> {
  // Loads the container library too, which takes longer than most cases.
  const { Kapacitor, until } = await import('../support/kapacitor/kapacitor.ts');
  const socketFolder = mkdtempSync(join(folder, 'kapacitor-'));
  // Kapacitor asks for both at its start; the one for batches is not used.
  for (const name of ['edgeDetect', 'edgeDetectBatch']) {
    symlinkSync(subject.socketOf(), join(socketFolder, `${name}.sock`));
  }
  try {
    await using kapacitor = await Kapacitor.start({ how: 'program', what: program }, { socketFolder });
    await kapacitor.define(TASK, SCRIPT);
    const requests = Array.from({ length: WRITERS }, (_, writer) => request(writer));
    let sent = 0;
    const send = async (lines: readonly string[], times: number): Promise<void> => {
      for (let i = 0; i < times; i++) await kapacitor.feed(lines);
      sent += lines.length * times;
    };
    const arrived = (): Promise<true> =>
      until('the node has taken all points', async () => {
        const { error, nodes } = await kapacitor.task(TASK);
        if (error !== '') throw new Error(`Kapacitor has ended the task: ${error}`);
        return (nodes[NODE]?.collected ?? 0) >= sent ? true : undefined;
      });
    await Promise.all(requests.map((lines) => send(lines, 1)));
    await arrived();
    const before = cpuSeconds(subject.pid);
    const warmedUp = sent;
    const begun = performance.now();
    const times = Math.max(1, Math.round(20 * scale));
    await Promise.all(requests.map((lines) => send(lines, times)));
    await arrived();
    const seconds = (performance.now() - begun) / 1000;
    const after = cpuSeconds(subject.pid);
    const points = sent - warmedUp;
    const figures: [string, number][] = [['points/s', points / seconds]];
    if (before !== undefined && after !== undefined)
      figures.push(['CPU us/point', ((after - before) * 1e6) / points]);
    return figures;
  } finally {
    rmSync(socketFolder, { recursive: true, force: true });
  }
}
