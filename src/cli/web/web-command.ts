import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { codeOf, messageOf, OperationError, UsageError } from '../../errors.ts';
import type { Access } from '../../web/access/guard.ts';
import { AnswerCache } from '../../web/answer-cache.ts';
import { systemNowNs } from '../../web/api/times.ts';
import type { WebContext } from '../../web/context.ts';
import { makeServer } from '../../web/server.ts';
import type { StateSource } from '../../web/sources/state-source.ts';
import { DetectionRefused, StateReader } from '../../web/states/state-reader.ts';
import { wholeMs } from '../duration.ts';
import type { Io } from '../io.ts';
import { makeLog } from '../log.ts';
import { programVersion } from '../program-version.ts';
import type { CommandFactory } from '../run.ts';
import { isLoopback } from './listen-address.ts';
import { addWebOptions, type WebFlags } from './web-options.ts';

/** Where the page lies once it is built: beside the program, also where the sources are run. */
const PAGE_DIR = fileURLToPath(new URL('../../../dist/web/page/', import.meta.url));

/** `edge-detect web`: the API and the page over states. */
export const webCommand: CommandFactory = (io, exit) => {
  const command = new Command('web').description('see your states: an API and a page over InfluxDB');
  addWebOptions(command);
  command.addHelpText(
    'after',
    `
Examples:
  edge-detect web --demo
  edge-detect web --influxdb http://influxdb:8086 --kapacitor http://kapacitor:9092

Stops at SIGTERM or SIGINT.`,
  );
  return command.action(async (flags: WebFlags) => exit(await web(flags, io)));
};

async function web(flags: WebFlags, io: Io): Promise<number> {
  const log = await makeLog(io, flags);
  const stopped = Promise.withResolvers<void>();
  const off = io.onSignal(() => stopped.resolve());
  const { close, source } = await openSource(flags);
  try {
    const context: WebContext = {
      source,
      reader: new StateReader(source, noDetection, flags.maxGroups),
      cache: new AnswerCache(wholeMs(flags.cache), () => performance.now()),
      limits: {
        maxRangeNs: flags.maxRange,
        maxGroups: flags.maxGroups,
        queryTimeoutMs: wholeMs(flags.queryTimeout),
        maxBodyBytes: flags.maxBody,
        requestsPerMinute: flags.rateLimit,
      },
      version: programVersion(),
      nowNs: systemNowNs,
    };
    const server = await makeServer({
      context,
      access: accessOf(flags),
      log,
      pageDir: PAGE_DIR,
      embedFrom: flags.embedFrom,
      trustsProxy: flags.trustProxy === true,
    });
    const url = await listen(server, flags);
    log.info({ url, source: source.name }, 'listening');
    await stopped.promise;
    await server.close();
  } finally {
    off();
    await close();
  }
  log.info({}, 'stopped');
  return 0;
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

interface OpenSource {
  readonly source: StateSource;
  close(): Promise<void>;
}

async function openSource(flags: WebFlags): Promise<OpenSource> {
  if (flags.demo === true) {
    const { SimulatedRouters } = await import('./simulated-routers.ts');
    const routers = new SimulatedRouters(systemNowNs);
    routers.start();
    return {
      source: routers.source,
      async close() {
        routers[Symbol.dispose]();
      },
    };
  }
  throw new UsageError('say where states come from: --influxdb URL, or --demo to have a look');
}

function accessOf(flags: WebFlags): Access {
  const isLocal = isLoopback(flags.listen.host);
  return {
    anonymous: flags.anonymous ?? (isLocal ? 'admin' : undefined),
    scopeOf: () => undefined,
    hosts: isLocal
      ? new Set(['localhost', '127.0.0.1', '[::1]', flags.listen.host, ...flags.hostName])
      : undefined,
    origins: new Set(flags.allowOrigin),
  };
}

function noDetection(): never {
  throw new DetectionRefused('there is no detector here');
}
