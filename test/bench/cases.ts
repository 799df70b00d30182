import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { measureGroups } from './groups.ts';
import type { Job, JobResult } from './load.ts';
import {
  cpuSeconds,
  memoryMb,
  peer,
  type Subject,
  startEdgeDetect,
  startScript,
  watch,
} from './processes.ts';
import { measureWithKapacitor } from './real-kapacitor.ts';
import { measureWeb } from './web.ts';

/** One figure of one run. */
export interface Figure {
  readonly case: string;
  /** What was measured: an agent, or a variant of ours. */
  readonly subject: string;
  readonly unit: string;
  readonly value: number;
}

export interface BenchContext {
  /** For sockets; goes at the end. */
  readonly folder: string;
  /** Others to measure beside: NAME=SOCKET. */
  readonly peers: readonly string[];
  /** 1 for figures worth quoting; smaller for a quick look. */
  readonly scale: number;
  readonly note: (figure: Figure) => void;
  /** Says what cannot be measured here, and why. */
  readonly skip: (reason: string) => void;
}

export interface BenchCase {
  readonly name: string;
  readonly summary: string;
  /** Runs all subjects once, in turn. */
  run(context: BenchContext): Promise<void>;
  /** Left out unless it is asked for by name or with `--full`. */
  readonly isLarge?: boolean;
}

/** Below this scale only whether a case works is of interest. */
const SMOKE_SCALE = 0.05;

const LOAD = fileURLToPath(new URL('load.ts', import.meta.url));
const run = promisify(execFile);
let jobs = 0;

type JobOptions = Pick<Job, 'mode' | 'rounds'> &
  Partial<Omit<Job, 'points'>> & { points?: Partial<Job['points']> };

/** Lets the writer loose on a subject, and takes the subject's processor time meanwhile. */
async function load(
  subject: Subject,
  scale: number,
  { points, ...options }: JobOptions,
): Promise<JobResult & { cpuUs: number | undefined }> {
  const job: Job = {
    socket: subject.socketOf(),
    id: `bench-${process.pid}-${jobs++}`,
    options: "field('value')",
    connections: 1,
    isWarm: false,
    startsAtMs: 0,
    rate: 0,
    points: {
      points: scale < SMOKE_SCALE ? 2000 : 50_000,
      groups: scale < SMOKE_SCALE ? 50 : 1000,
      edges: 0.02,
      areNumbersSteady: false,
      batchSize: 0,
      ...points,
    },
    ...options,
  };
  const before = cpuSeconds(subject.pid);
  const writing = run(process.execPath, [LOAD, JSON.stringify(job)], { maxBuffer: 2 ** 30 });
  watch(writing.child);
  const { stdout } = await writing;
  const after = cpuSeconds(subject.pid);
  const result: JobResult = JSON.parse(stdout);
  const cpu = before === undefined || after === undefined ? undefined : after - before;
  return { ...result, cpuUs: cpu === undefined ? undefined : (cpu * 1e6) / result.points };
}

/** The subjects, each started, used and stopped by itself. */
async function withSubjects(
  starts: readonly (() => Promise<Subject> | Subject)[],
  use: (subject: Subject) => Promise<void>,
): Promise<void> {
  for (const start of starts) {
    const subject = await start();
    try {
      await use(subject);
    } finally {
      await subject.stop();
    }
  }
}

/** Ours first, then the yardsticks and the peers. */
function everybody({ folder, peers }: BenchContext): (() => Promise<Subject> | Subject)[] {
  return [
    () => startEdgeDetect(folder, 'edge-detect'),
    () => startScript(folder, 'drop', 'drop-agent.ts'),
    () => startScript(folder, 'protobufjs', 'protobufjs-agent.ts'),
    ...peers.map((text) => () => peer(text)),
  ];
}

function rounds(scale: number, full: number): number {
  return Math.max(1, Math.round(full * scale));
}

const saturated: BenchCase = {
  name: 'saturated',
  summary: 'one connection, large writes, 1,000 groups, 2 % edges',
  run: (context) =>
    withSubjects(everybody(context), async (subject) => {
      // The slow ones get fewer points, or one turn would take minutes.
      const isFast = subject.name === 'edge-detect' || subject.name === 'drop';
      const options: JobOptions = { mode: 'saturated', rounds: rounds(context.scale, isFast ? 60 : 6) };
      if (context.scale >= SMOKE_SCALE) await load(subject, context.scale, { ...options, rounds: 1 });
      const { points, seconds, cpuUs } = await load(subject, context.scale, options);
      const figure = { case: 'saturated', subject: subject.name };
      context.note({ ...figure, unit: 'points/s', value: points / seconds });
      if (cpuUs !== undefined) context.note({ ...figure, unit: 'CPU us/point', value: cpuUs });
    }),
};

const FOUR_FIELDS = "field('value').field('snr_down').field('rate_down').field('crc_errors')";

const VARIANTS: readonly (readonly [string, string, Partial<Job['points']>])[] = [
  ['plain', "field('value')", {}],
  ['outputs', "field('value').previousAs('was').durationAs('lasted').countAs('changes')", {}],
  ['hold', "field('value').hold(1s).confirm(2)", {}],
  ['four fields', FOUR_FIELDS, { areNumbersSteady: true }],
  ['four fields, all edges', FOUR_FIELDS, {}],
  ['batches', "field('value').late('keep')", { batchSize: 10 }],
];

const options: BenchCase = {
  name: 'options',
  summary: 'saturated, with options',
  async run(context) {
    const subject = await startEdgeDetect(context.folder, 'options');
    try {
      for (const [name, text, points] of VARIANTS) {
        const socket = subject.socketOf(points.batchSize === undefined ? 'edgeDetect' : 'edgeDetectBatch');
        const job: JobOptions = {
          mode: 'saturated',
          rounds: rounds(context.scale, 30),
          options: text,
          socket,
          points,
        };
        if (context.scale >= SMOKE_SCALE) await load(subject, context.scale, { ...job, rounds: 1 });
        const result = await load(subject, context.scale, job);
        context.note({
          case: 'options',
          subject: name,
          unit: 'points/s',
          value: result.points / result.seconds,
        });
      }
    } finally {
      await subject.stop();
    }
  },
};

const oneByOne: BenchCase = {
  name: 'one-by-one',
  summary: 'as Kapacitor writes: the length, then the message, each by itself',
  run: (context) =>
    withSubjects(everybody(context), async (subject) => {
      const { points, seconds, cpuUs } = await load(subject, context.scale, {
        mode: 'one-by-one',
        rounds: rounds(context.scale, 8),
      });
      const figure = { case: 'one-by-one', subject: subject.name };
      context.note({ ...figure, unit: 'points/s', value: points / seconds });
      if (cpuUs !== undefined) context.note({ ...figure, unit: 'CPU us/point', value: cpuUs });
    }),
};

function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

const latency: BenchCase = {
  name: 'latency',
  summary: 'every point an edge: one at a time, and 20,000 a second',
  run: (context) =>
    withSubjects(
      everybody(context).filter((_, index) => index !== 1),
      async (subject) => {
        for (const rate of [0, 20_000]) {
          const name = rate === 0 ? 'latency, one at a time' : 'latency, 20,000/s';
          const job: JobOptions = {
            mode: 'latency',
            rounds: 1,
            rate,
            points: { points: rounds(context.scale, 40_000), edges: 1, groups: 100 },
          };
          if (context.scale >= SMOKE_SCALE) await load(subject, context.scale, job);
          const { latenciesUs } = await load(subject, context.scale, job);
          if (latenciesUs.length === 0) {
            context.skip(`${name}: ${subject.name} does not answer points`);
            continue;
          }
          for (const [unit, part] of [
            ['p50 us', 0.5],
            ['p99 us', 0.99],
            ['p99.9 us', 0.999],
          ] as const) {
            context.note({ case: name, subject: subject.name, unit, value: percentile(latenciesUs, part) });
          }
        }
      },
    ),
};

/** With how many connections, and whether each has seen its 1,000 groups before the time counts. */
const CONNECTIONS: readonly (readonly [string, number, boolean])[] = [
  ['1', 1, true],
  ['10', 10, true],
  ['100', 100, true],
  ['1,000', 1000, true],
  ['1,000, from Init on', 1000, false],
];

const connections: BenchCase = {
  name: 'connections',
  summary: 'saturated by 1, 10, 100 and 1,000 connections, of 1,000 groups each',
  async run(context) {
    const subject = await startEdgeDetect(context.folder, 'connections');
    try {
      for (const [name, count, isWarm] of CONNECTIONS) {
        const { points, seconds } = await load(subject, context.scale, {
          mode: 'saturated',
          rounds: rounds(context.scale, 60),
          connections: count,
          isWarm,
        });
        context.note({ case: 'connections', subject: name, unit: 'points/s', value: points / seconds });
      }
    } finally {
      await subject.stop();
    }
  },
};

const TASKS = 4;
/** In this time all writers have their points ready. */
const PREPARATION_MS = 6000;

const workers: BenchCase = {
  name: 'workers',
  summary: 'four tasks one by one at full rate, served by one process and by two workers',
  async run(context) {
    for (const count of [1, 2]) {
      const subject = await startEdgeDetect(context.folder, `workers-${count}`, ['--workers', String(count)]);
      try {
        const startsAtMs = Date.now() + (context.scale < SMOKE_SCALE ? 1000 : PREPARATION_MS);
        const job: JobOptions = { mode: 'one-by-one', rounds: rounds(context.scale, 3), startsAtMs };
        const before = cpuSeconds(subject.pid);
        const results = await Promise.all(
          Array.from({ length: TASKS }, () => load(subject, context.scale, job)),
        );
        const points = results.reduce((sum, result) => sum + result.points, 0);
        const seconds = (Math.max(...results.map(({ endedAtMs }) => endedAtMs)) - startsAtMs) / 1000;
        const figure = { case: 'workers, 4 tasks', subject: `${count} worker${count > 1 ? 's' : ''}` };
        context.note({ ...figure, unit: 'points/s', value: points / seconds });
        const after = cpuSeconds(subject.pid);
        if (before !== undefined && after !== undefined)
          context.note({ ...figure, unit: 'CPU us/point', value: ((after - before) * 1e6) / points });
      } finally {
        await subject.stop();
      }
    }
  },
};

const kapacitor: BenchCase = {
  name: 'kapacitor',
  summary: 'a real Kapacitor at full rate (KAPACITORD names it), beside an agent that drops every point',
  async run(context) {
    const program = process.env.KAPACITORD;
    if (program === undefined) {
      context.skip('kapacitor: set KAPACITORD to the path of a kapacitord');
      return;
    }
    const { folder, peers, scale } = context;
    const subjects = [
      () => startEdgeDetect(folder, 'edge-detect'),
      () => startScript(folder, 'minimal', 'minimal-agent.ts'),
      ...peers.map((text) => () => peer(text)),
    ];
    await withSubjects(subjects, async (subject) => {
      for (const [unit, value] of await measureWithKapacitor(program, subject, folder, scale)) {
        context.note({ case: 'kapacitor', subject: subject.name, unit, value });
      }
    });
  },
};

const start: BenchCase = {
  name: 'start',
  summary: 'from process start to listening, and at rest',
  async run(context) {
    const begun = performance.now();
    const subject = await startEdgeDetect(context.folder, 'start');
    const listening = performance.now() - begun;
    try {
      // What a start leaves to be done is no rest yet.
      await pause(Math.max(100, 2000 * context.scale));
      const before = cpuSeconds(subject.pid) ?? 0;
      await pause(Math.max(100, 5000 * context.scale));
      const cpu = (cpuSeconds(subject.pid) ?? 0) - before;
      const figure = { case: 'start', subject: 'edge-detect' };
      context.note({ ...figure, unit: 'ms to listening', value: listening });
      context.note({ ...figure, unit: 'MB at rest', value: memoryMb(subject.pid, 'VmRSS') });
      context.note({ ...figure, unit: 'CPU s at rest', value: cpu });
    } finally {
      await subject.stop();
    }
  },
};

function groupsCase(name: string, count: number, isLarge: boolean): BenchCase {
  return {
    name,
    isLarge,
    summary: `${count.toLocaleString('en-US')} groups: rate, memory, snapshot, restore, and what others wait meanwhile`,
    async run(context) {
      const groups = Math.max(1000, Math.round(count * Math.min(1, context.scale)));
      const folder = `${context.folder}/${name}`;
      mkdirSync(folder, { recursive: true });
      for (const [unit, value] of await measureGroups(folder, groups)) {
        context.note({ case: 'groups', subject: count.toLocaleString('en-US'), unit, value });
      }
    },
  };
}

const web: BenchCase = {
  name: 'web',
  summary:
    'the API over InfluxDB: 1,000 groups, 1,000,000 edges, a year; --peer NAME=http://… for cached /states',
  run: measureWeb,
  isLarge: true,
};

const EXAMPLES = fileURLToPath(new URL('../../examples/functions/', import.meta.url));

/** Every point is answered: by one of one's own functions, and by a process that reads and drops. */
const functions: BenchCase = {
  name: 'functions',
  summary: "functions of one's own, every point answered: movingAverage (easy layer) and mirror (fast layer)",
  run: (context) =>
    withSubjects(
      [
        () => startEdgeDetect(context.folder, 'functions', ['--functions-dir', EXAMPLES]),
        () => startScript(context.folder, 'drop', 'drop-agent.ts'),
      ],
      async (subject) => {
        const names = subject.name === 'drop' ? ['drop'] : ['movingAverage', 'mirror'];
        for (const name of names) {
          const job: JobOptions = {
            mode: 'saturated',
            rounds: rounds(context.scale, 20),
            options: name === 'movingAverage' ? "field('value')" : '',
            socket: subject.socketOf(name),
          };
          if (context.scale >= SMOKE_SCALE) await load(subject, context.scale, { ...job, rounds: 1 });
          const { points, seconds, cpuUs } = await load(subject, context.scale, job);
          const figure = { case: 'functions', subject: name };
          context.note({ ...figure, unit: 'points/s', value: points / seconds });
          if (cpuUs !== undefined) context.note({ ...figure, unit: 'CPU us/point', value: cpuUs });
        }
      },
    ),
};

export const CASES: readonly BenchCase[] = [
  functions,
  saturated,
  oneByOne,
  latency,
  options,
  connections,
  workers,
  kapacitor,
  groupsCase('groups-1k', 1000, false),
  groupsCase('groups-100k', 100_000, false),
  groupsCase('groups-1m', 1_000_000, false),
  groupsCase('groups-10m', 10_000_000, true),
  start,
  web,
];
