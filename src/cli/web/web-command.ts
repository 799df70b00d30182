import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import type { Logger } from 'pino';
import { codeOf, messageOf, OperationError, UsageError } from '../../errors.ts';
import type { Access } from '../../web/access/guard.ts';
import { WebCluster } from '../../web/cluster/primary.ts';
import { Primary } from '../../web/cluster/worker.ts';
import type { LiveEdges } from '../../web/events/live-edges.ts';
import { OwnLiveEdges } from '../../web/events/own-live-edges.ts';
import { WebMetrics } from '../../web/metrics.ts';
import { makeServer } from '../../web/server.ts';
import type { Io } from '../io.ts';
import { CREDENTIALS_HELP } from '../kapacitor-options.ts';
import { makeLog } from '../log.ts';
import type { CommandFactory } from '../run.ts';
import { accessOf } from './access.ts';
import { INFLUXDB_SECRETS_HELP } from './influx-connection.ts';
import { tokenCommand } from './token-command.ts';
import { addWebOptions, type WebFlags } from './web-options.ts';
import { contextOf, openParts, type WebParts } from './web-parts.ts';

/** Where the page lies once it is built: beside the program, also where the sources are run. */
const PAGE_DIR = fileURLToPath(new URL('../../../dist/web/page/', import.meta.url));

/** `edge-detect web`: the API and the page over states. */
export const webCommand: CommandFactory = (io, exit) => {
  const command = new Command('web').description('see your states: an API and a page over InfluxDB');
  addWebOptions(command);
  command.addCommand(tokenCommand(io));
  command.addHelpText(
    'after',
    `
Examples:
  edge-detect web --demo
  edge-detect web --influxdb http://influxdb:8086 --kapacitor http://kapacitor:9092
  edge-detect web token new --scope read

${INFLUXDB_SECRETS_HELP}
${CREDENTIALS_HELP}

Stops at SIGTERM or SIGINT.`,
  );
  return command.action(async (flags: WebFlags) => exit(await web(flags, command, io)));
};

async function web(flags: WebFlags, command: Command, io: Io): Promise<number> {
  const access = accessOf(flags);
  const log = await makeLog(io, flags);
  if (cluster.isWorker) return runWebWorker(flags, command, access, io, log);
  if (flags.demo === true && flags.workers > 1)
    throw new UsageError('--demo holds its routers in the memory of one process: leave --workers away');
  const stopped = Promise.withResolvers<void>();
  const off = io.onSignal(() => stopped.resolve());
  const parts = await openParts(flags, command, log);
  const live = new OwnLiveEdges({ ...parts, report: (message) => log.warn({}, message) });
  try {
    const server =
      flags.workers > 1
        ? await startWorkers(flags, live, log)
        : await startOwn(flags, parts, live, access, log);
    log.info({ url: server.url, source: parts.source.name, workers: flags.workers }, 'listening');
    await stopped.promise;
    await server.stop();
  } finally {
    off();
    live.close();
    await parts.close();
  }
  log.info({}, 'stopped');
  return 0;
}

interface RunningServer {
  readonly url: string;
  stop(): Promise<void>;
}

async function startOwn(
  flags: WebFlags,
  parts: WebParts,
  live: LiveEdges,
  access: Access,
  log: Logger,
): Promise<RunningServer> {
  const metrics = new WebMetrics();
  const context = contextOf(flags, parts, { live, metrics, allMetrics: () => metrics.text() });
  const server = await makeServer({ ...serverOptions(flags), context, access, log });
  return { url: await listen(server, flags), stop: () => server.close() };
}

/** The same command again, several times; this process only looks after them. */
async function startWorkers(flags: WebFlags, live: LiveEdges, log: Logger): Promise<RunningServer> {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  const path = fileURLToPath(new URL(`../../main${extension}`, import.meta.url));
  const workers = new WebCluster({
    workers: flags.workers,
    program: { path, args: process.argv.slice(2) },
    live,
    log,
  });
  try {
    return { url: await workers.start(), stop: () => workers.stop() };
  } catch (error) {
    await workers.stop();
    throw error;
  }
}

async function runWebWorker(
  flags: WebFlags,
  command: Command,
  access: Access,
  io: Io,
  log: Logger,
): Promise<number> {
  const stopped = Promise.withResolvers<void>();
  // The primary decides when to stop; a terminal sends its signals to every process.
  const off = io.onSignal(() => undefined);
  const metrics = new WebMetrics();
  const primary = new Primary(metrics.registry, () => stopped.resolve());
  const parts = await openParts(flags, command, log);
  try {
    const allMetrics = (): Promise<string> => primary.metrics();
    const context = contextOf(flags, parts, { live: primary, metrics, allMetrics });
    const server = await makeServer({ ...serverOptions(flags), context, access, log });
    primary.tell({ type: 'web-ready', url: await listen(server, flags) });
    await stopped.promise;
    await server.close();
  } catch (error) {
    primary.tell({ type: 'web-failed', message: messageOf(error) });
  } finally {
    off();
    await parts.close();
  }
  if (process.connected) process.disconnect();
  return 0;
}

function serverOptions(flags: WebFlags) {
  return { pageDir: PAGE_DIR, embedFrom: flags.embedFrom, trustsProxy: flags.trustProxy === true };
}

async function listen(
  server: { listen(options: { host: string; port: number }): Promise<string> },
  { listen: address }: WebFlags,
): Promise<string> {
  try {
    return await server.listen(address);
  } catch (error) {
    const why = codeOf(error) === 'EADDRINUSE' ? 'somebody else listens there already' : messageOf(error);
    throw new OperationError(
      `cannot listen on ${address.host}:${address.port}: ${why}; --listen names another`,
    );
  }
}
