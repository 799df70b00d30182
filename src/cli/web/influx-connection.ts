import { UsageError } from '../../errors.ts';
import type { InfluxSourceOptions } from '../../web/sources/influx-source.ts';
import { readSecret } from '../secrets.ts';

const PASSWORD = 'EDGE_DETECT_WEB_PASSWORD';
const TOKEN = 'EDGE_DETECT_WEB_TOKEN';

/** What the help says of what must not stand among a program's arguments. */
export const INFLUXDB_SECRETS_HELP = `Who reads from InfluxDB is said by --user and the variable ${PASSWORD} (1.x), or by ${TOKEN}
(2.x and 3.x); ${PASSWORD}_FILE and ${TOKEN}_FILE name files that hold them. With 2.x a database is what a
DBRP mapping makes of a bucket: influx v1 dbrp create.`;

/**
 * How InfluxDB is reached.
 * @param source where commander found the URL; credentials in it are taken from a variable only
 * @throws UsageError where something does not fit; no message repeats a secret
 */
export function influxConnection(
  url: URL,
  source: string | undefined,
  user: string | undefined,
  timeoutMs: number,
): InfluxSourceOptions {
  const given = new URL(url);
  const [urlUser, urlPassword] = [given.username, given.password].map(decodeURIComponent);
  if ((urlUser || urlPassword) && source === 'cli')
    throw new UsageError(
      `the URL of --influxdb holds a user or password, which everybody can read there: give them by --user and ${PASSWORD}`,
    );
  given.username = '';
  given.password = '';
  return {
    url: given,
    authorization: authorization(user || urlUser, readSecret(PASSWORD) || urlPassword),
    timeoutMs,
  };
}

function authorization(user: string | undefined, password: string | undefined): string | undefined {
  const token = readSecret(TOKEN);
  if (token !== '' && user) throw new UsageError(`${TOKEN} and a user are two ways: use one of them`);
  if (token !== '') {
    // A header must not be cut in two, and the error for that would show it.
    if (!/^[\x21-\x7e]+$/.test(token))
      throw new UsageError(`${TOKEN} is no token: there are spaces or the like in it`);
    return `Token ${token}`;
  }
  if (!user && !password) return undefined;
  if (!user || !password) throw new UsageError(`--user and ${PASSWORD} go together: one is missing`);
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
