import { UsageError } from '../../errors.ts';
import { Connection } from '../../feed/targets/connection.ts';
import { InfluxTarget } from '../../feed/targets/influxdb.ts';
import { KapacitorTarget } from '../../feed/targets/kapacitor.ts';
import { StreamTarget } from '../../feed/targets/stream.ts';
import type { Target } from '../../feed/targets/target.ts';
import { wholeMs } from '../duration.ts';
import type { Io } from '../io.ts';
import type { FeedFlags } from './feed-options.ts';

/**
 * Makes the target that the flags name.
 * @throws UsageError if it is not said where in it to write
 */
export function makeTarget(flags: FeedFlags, io: Io, report: (message: string) => void): Target {
  const { bucket, database, influxdb, kapacitor, org, retentionPolicy } = flags;
  const onConnected = (what: string): void => report(`writing to ${what}`);
  if (kapacitor !== undefined) {
    if (database === undefined)
      throw new UsageError('--kapacitor needs --database NAME, as its tasks name it');
    const connection = connect(flags, kapacitor, credentialsOf(flags, kapacitor));
    return new KapacitorTarget(connection, {
      database,
      retentionPolicy: retentionPolicy ?? 'autogen',
      onConnected,
    });
  }
  if (influxdb === undefined) return new StreamTarget(io.stdout);
  if ((database === undefined) === (bucket === undefined))
    throw new UsageError('--influxdb needs --database NAME (1.x), or --org, --bucket and --token (2.x)');
  if (bucket !== undefined && (org === undefined || flags.token === undefined))
    throw new UsageError('--bucket needs --org and --token (better: EDGE_DETECT_FEED_TOKEN) as well');
  const credentials = credentialsOf(flags, influxdb);
  const connection = connect(flags, influxdb, credentials);
  const createsDatabase = flags.createDatabase === true;
  const user = credentials.user;
  return new InfluxTarget(
    connection,
    { bucket, createsDatabase, database, org, retentionPolicy, user },
    onConnected,
  );
}

interface Credentials {
  readonly user: string | undefined;
  /** The value of the Authorization header. */
  readonly authorization: string | undefined;
}

/** Those in the URL count as well: it is what `--influxdb` in other programs takes. */
function credentialsOf(flags: FeedFlags, url: URL): Credentials {
  if (flags.bucket !== undefined) return { user: undefined, authorization: `Token ${flags.token}` };
  const user = flags.user ?? (url.username === '' ? undefined : decodeURIComponent(url.username));
  if (user === undefined) return { user, authorization: undefined };
  const password = flags.password ?? decodeURIComponent(url.password);
  return { user, authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

function connect(flags: FeedFlags, url: URL, { authorization }: Credentials): Connection {
  return new Connection({
    url,
    authorization,
    timeoutMs: wholeMs(flags.timeout),
    isCompressed: flags.compression === 'gzip',
  });
}
