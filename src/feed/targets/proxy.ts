import { BlockList, isIP } from 'node:net';
import { SetupError } from './target.ts';

/**
 * The proxy to a server, as the environment has it for `https:`.
 * @throws SetupError if it is none that can be used; it may hold a password, so no message repeats it
 */
export function proxyFor(url: URL, environment: NodeJS.ProcessEnv): URL | undefined {
  const text = environment.https_proxy || environment.HTTPS_PROXY || '';
  if (url.protocol !== 'https:' || text === '' || isExcepted(url, environment)) return undefined;
  const withScheme = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const proxy = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (proxy === undefined || !/^https?:$/.test(proxy.protocol) || proxy.hostname === '')
    throw new SetupError(
      'HTTPS_PROXY is no proxy that can be used: it must be one such as http://proxy:3128',
    );
  return proxy;
}

/**
 * Whether a server is reached without the proxy: one of this machine, or of `NO_PROXY`, which names hosts, domains
 * (whatever ends in them counts as well), addresses, networks (`10.0.0.0/8`), each with a port or without, or all (`*`).
 */
function isExcepted(url: URL, environment: NodeJS.ProcessEnv): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (host === 'localhost' || host === '::1' || /^127(?:\.\d+){3}$/.test(host)) return true;
  const port = url.port || '443';
  const entries = (environment.no_proxy || environment.NO_PROXY || '').toLowerCase().split(/[\s,]+/);
  return entries.some((entry) => {
    if (entry === '') return false;
    if (entry === '*') return true;
    if (entry.includes('/')) return isIn(host, entry);
    const [, name = '', wantedPort] =
      /^\[?(.*?)\]?(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? [];
    if (wantedPort !== undefined && wantedPort !== port) return false;
    const domain = name.replace(/^\*?\./, '');
    return host === domain || (isIP(host) === 0 && host.endsWith(`.${domain}`));
  });
}

/** Whether an address is one of a network, such as `192.168.0.0/16`. */
function isIn(host: string, network: string): boolean {
  const family = isIP(host);
  const [address = '', bits = ''] = network.split('/');
  if (family === 0 || isIP(address) !== family || !/^\d{1,3}$/.test(bits)) return false;
  if (Number(bits) > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(address, Number(bits), kind);
  return list.check(host, kind);
}
