import cluster from 'node:cluster';
import { startAgent } from '../../../src/agent/agent.ts';
import { startCluster } from '../../../src/agent/cluster/primary.ts';
import { runWorker } from '../../../src/agent/cluster/worker.ts';
import { startWatchdog } from '../../../src/agent/watchdog/watchdog.ts';
import type { UdfFunction } from '../../../src/function/contract.ts';

// A process of its own for tests: an agent whose function stands still at a point for as many milliseconds as its
// field `ms` says, having written more to standard error than fits unread if its field `log` is true.
//   node stalling-agent.ts SOCKET WATCHDOG_MS WORKERS

const [, program = '', path = '', watchdog = '0', workers = '1'] = process.argv;
const watchdogMs = Number(watchdog);
/** More than a pipe holds. */
const HOW_MUCH = 1024 * 1024;

const stall: UdfFunction = {
  name: 'stall',
  wants: 'STREAM',
  provides: 'STREAM',
  options: {},
  open() {
    return {
      point(point, emit) {
        if (point.field('log') === true) process.stderr.write('x'.repeat(HOW_MUCH));
        const untilMs = performance.now() + Number(point.field('ms') ?? 0);
        while (performance.now() < untilMs);
        emit.forward(point);
      },
      snapshot: () => [],
      restore: () => [],
    };
  },
};

function log(level: string): (fields: object, msg: string) => void {
  return (fields, msg) => process.stdout.write(`${JSON.stringify({ level, ...fields, msg })}\n`);
}
const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
const options = {
  functions: [{ function: stall, path }],
  mode: 0o600,
  groupId: undefined,
  maxFrameBytes: 1024 * 1024,
  maxGroups: 1,
  log: { ...logger, child: () => logger },
};

if (cluster.isWorker) {
  await runWorker({ ...options, functions: [stall], watchdogMs });
} else if (workers === '1') {
  startWatchdog(watchdogMs, fail);
  await startAgent(options);
} else {
  const args = [path, watchdog];
  await startCluster({ ...options, workers: Number(workers), watchdogMs, program: { path: program, args } });
  startWatchdog(watchdogMs, fail);
}

function fail(error: Error): never {
  throw error;
}
