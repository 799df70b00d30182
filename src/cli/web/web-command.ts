import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { codeOf, messageOf, OperationError, UsageError } from '../../errors.ts';
import { edgeDetect } from '../../functions/edge-detect/index.ts';
import { parseOptions } from '../../tickscript/script-options.ts';
import { AnswerCache } from '../../web/answer-cache.ts';
import { systemNowNs } from '../../web/api/times.ts';
import type { WebContext } from '../../web/context.ts';
import { NoteStore } from '../../web/notes/note-store.ts';
import { makeServer } from '../../web/server.ts';
import type { StateSource } from '../../web/sources/state-source.ts';
import { detectionBy } from '../../web/states/detection.ts';
import { StateReader } from '../../web/states/state-reader.ts';
import { wholeMs } from '../duration.ts';
import type { Io } from '../io.ts';
import { CREDENTIALS_HELP } from '../kapacitor-options.ts';
import { makeLog } from '../log.ts';
import { programVersion } from '../program-version.ts';
import type { CommandFactory } from '../run.ts';
import { accessOf } from './access.ts';
import { INFLUXDB_SECRETS_HELP, influxConnection } from './influx-connection.ts';
import { tokenCommand } from './token-command.ts';
import { addWebOptions, type WebFlags } from './web-options.ts';

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
  const stopped = Promise.withResolvers<void>();
  const off = io.onSignal(() => stopped.resolve());
  const { close, source } = await openSource(flags, command);
  try {
    const context: WebContext = {
      source,
      reader: new StateReader(source, detectionBy(edgeDetect, parseOptions), flags.maxGroups),
      notes: new NoteStore(source, systemNowNs),
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
      access,
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

async function openSource(flags: WebFlags, command: Command): Promise<OpenSource> {
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
  if (flags.influxdb === undefined)
    throw new UsageError('say where states come from: --influxdb URL, or --demo to have a look');
  const { InfluxSource } = await import('../../web/sources/influx-source.ts');
  const from = command.getOptionValueSource('influxdb');
  const source = new InfluxSource(
    influxConnection(flags.influxdb, from, flags.user, wholeMs(flags.queryTimeout)),
  );
  return { source, close: () => source.close() };
}
