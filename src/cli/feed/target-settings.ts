import { UsageError } from '../../errors.ts';
import { wholeMs } from '../duration.ts';
import { readSecret, readSettingFile } from '../secrets.ts';
import type { FeedFlags } from './feed-options.ts';

export type TargetSettings =
  | { readonly kind: 'stdout' }
  | ServerSettings<'kapacitor', KapacitorSettings>
  | ServerSettings<'influxdb', InfluxSettings>;

export type ServerSettings<Kind extends string, Place> = Place & {
  readonly kind: Kind;
  readonly url: URL;
  readonly user: string | undefined;
  /** The value of the Authorization header. */
  readonly authorization: string | undefined;
  readonly timeoutMs: number;
  readonly isCompressed: boolean;
  /** PEM certificates that are trusted besides the usual ones, and the setting that named them. */
  readonly ca: string | undefined;
  readonly caSetting: string;
  readonly isInsecure: boolean;
  /** Where a proxy for https is looked up. */
  readonly environment: NodeJS.ProcessEnv;
};

export interface KapacitorSettings {
  /** Undefined: where each point says that it belongs. */
  readonly database: string | undefined;
  readonly retentionPolicy: string | undefined;
}

export interface InfluxSettings {
  /** Undefined, with no bucket: where each point says that it belongs. */
  readonly database: string | undefined;
  readonly retentionPolicy: string | undefined;
  readonly createsDatabase: boolean;
  readonly org: string | undefined;
  readonly bucket: string | undefined;
  /** How long to wait until Kapacitor is subscribed to the database; undefined: not at all. */
  readonly subscriptionWaitMs: number | undefined;
}

/** What is missing where neither the flags nor the file say where to write. */
export const NO_PLACE =
  '--influxdb needs --database NAME (1.x), or --org, --bucket and --token (2.x); 3.x takes either';
export const NO_DATABASE = '--kapacitor needs --database NAME, as its tasks name it';
const TOKEN = 'EDGE_DETECT_FEED_TOKEN';
const PASSWORD = 'EDGE_DETECT_FEED_PASSWORD';

/**
 * Where the points go.
 * @param giveUpAfterMs how long the server may be away; undefined: for ever
 * @throws UsageError if it is not said where in it to write
 */
export function targetOf(flags: FeedFlags, giveUpAfterMs: number | undefined): TargetSettings {
  const { bucket, database, influxdb, kapacitor, org, retentionPolicy } = flags;
  if (kapacitor !== undefined) {
    if (database === undefined && flags.file === undefined) throw new UsageError(NO_DATABASE);
    return {
      kind: 'kapacitor',
      ...serverOf(flags, kapacitor),
      ...trustOf('kapacitor', flags.kapacitorCa, flags.kapacitorInsecure),
      database,
      retentionPolicy,
    };
  }
  if (influxdb === undefined) return { kind: 'stdout' };
  const isNowhere = database === undefined && bucket === undefined;
  // A file may say itself where its points belong.
  if ((isNowhere && flags.file === undefined) || (database !== undefined && bucket !== undefined))
    throw new UsageError(NO_PLACE);
  const server = serverOf(flags, influxdb);
  if (bucket !== undefined && server.authorization === undefined)
    throw new UsageError(
      `--bucket needs --org and --token (better: ${TOKEN}, or ${TOKEN}_FILE) in 2.x, --token alone in 3.x`,
    );
  if (bucket !== undefined && flags.waitSubscription === true)
    throw new UsageError('--wait-subscription goes with --database: a bucket has no subscriptions');
  return {
    kind: 'influxdb',
    ...server,
    ...trustOf('influxdb', flags.influxdbCa, flags.influxdbInsecure),
    bucket,
    createsDatabase: flags.createDatabase === true,
    database,
    org,
    retentionPolicy,
    subscriptionWaitMs:
      flags.waitSubscription === true ? (giveUpAfterMs ?? Number.POSITIVE_INFINITY) : undefined,
  };
}

function serverOf(flags: FeedFlags, url: URL) {
  return {
    url,
    ...credentialsOf(flags, url),
    timeoutMs: wholeMs(flags.timeout),
    isCompressed: flags.compression === 'gzip',
    environment: process.env,
  };
}

function trustOf(
  target: 'influxdb' | 'kapacitor',
  file: string | undefined,
  isInsecure: boolean | undefined,
) {
  return {
    ca: file ? readSettingFile(file, `--${target}-ca`) : undefined,
    caSetting: `${target}Ca`,
    isInsecure: isInsecure === true,
  };
}

/**
 * Who writes: a user where one is named, in the URL as well, as it is what `--influxdb` in other programs takes; else a
 * token. Buckets know tokens only.
 */
function credentialsOf(flags: FeedFlags, url: URL) {
  const user = flags.user ?? (url.username === '' ? undefined : decodeURIComponent(url.username));
  if (user === undefined || flags.bucket !== undefined) {
    const token = flags.kapacitor === undefined ? flags.token || readSecret(TOKEN) : '';
    return { user: undefined, authorization: token === '' ? undefined : `Token ${token}` };
  }
  const password = flags.password ?? (readSecret(PASSWORD) || decodeURIComponent(url.password));
  return { user, authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}
