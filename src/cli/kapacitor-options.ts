import { Option } from 'commander';
import { UsageError } from '../errors.ts';
import { basicAuthorization, KapacitorApi, tokenAuthorization } from '../kapacitor/api.ts';
import { parseHttpUrl } from './argument-parsers.ts';
import { durationParser, wholeMs } from './duration.ts';
import { readSecret, readSettingFile } from './secrets.ts';

export interface KapacitorOptions {
  readonly kapacitorCa?: string;
  readonly kapacitorInsecure?: boolean;
  /** Nanoseconds. */
  readonly kapacitorTimeout: bigint;
}

const USER = 'EDGE_DETECT_KAPACITOR_USER';
const PASSWORD = 'EDGE_DETECT_KAPACITOR_PASSWORD';
const TOKEN = 'EDGE_DETECT_KAPACITOR_TOKEN';

/** What the help says of what must not stand among a program's arguments, where everybody can read it. */
export const CREDENTIALS_HELP = `Who asks Kapacitor is said by variables alone: ${USER} and
${PASSWORD}, or ${TOKEN} (a JSON web token);
${PASSWORD}_FILE and ${TOKEN}_FILE name files that hold them.`;

/** The options that say how Kapacitor's HTTP API is reached. */
export function kapacitorOptions(): Option[] {
  return [
    new Option('--kapacitor-ca <file>', 'trust certificates signed by those in this file (PEM)').env(
      'EDGE_DETECT_KAPACITOR_CA',
    ),
    new Option('--kapacitor-insecure', 'trust any certificate').env('EDGE_DETECT_KAPACITOR_INSECURE'),
    new Option('--kapacitor-timeout <duration>', 'how long Kapacitor may take for an answer')
      .argParser(durationParser(1, 3_600_000))
      .default(10_000_000_000n, '10s')
      .env('EDGE_DETECT_KAPACITOR_TIMEOUT'),
  ];
}

/**
 * The API at a URL.
 * @param flag what named it, for messages
 * @param source where commander found it; credentials in the URL are taken from a variable only
 * @throws UsageError where something does not fit; no message repeats a secret
 */
export function kapacitorApi(
  text: string,
  flag: string,
  source: string | undefined,
  options: KapacitorOptions,
): KapacitorApi {
  const url = parseHttpUrl(text, flag, 'http://kapacitor:9092');
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  if ((user || password) && source === 'cli')
    throw new UsageError(
      `the URL of ${flag} holds a user or password, which everybody can read there: give them by ${USER} and ${PASSWORD}`,
    );
  url.username = '';
  url.password = '';
  return new KapacitorApi({
    url,
    authorization: authorization(user, password),
    ca: options.kapacitorCa ? readSettingFile(options.kapacitorCa, '--kapacitor-ca') : undefined,
    isInsecure: options.kapacitorInsecure === true,
    timeoutMs: wholeMs(options.kapacitorTimeout),
  });
}

function authorization(urlUser: string, urlPassword: string): string | undefined {
  const token = readSecret(TOKEN);
  const user = process.env[USER] || urlUser;
  const password = readSecret(PASSWORD) || urlPassword;
  if (token !== '' && user !== '') throw new UsageError(`${TOKEN} and a user are two ways: use one of them`);
  if (token !== '') {
    // A header must not be cut in two, and the error for that would show it.
    if (!/^[\x21-\x7e]+$/.test(token))
      throw new UsageError(`${TOKEN} is no token: there are spaces or the like in it`);
    return tokenAuthorization(token);
  }
  if (user === '' && password === '') return undefined;
  if (user === '' || password === '')
    throw new UsageError(`${USER} and ${PASSWORD} go together: one is missing`);
  return basicAuthorization(user, password);
}
