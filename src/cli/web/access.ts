import { UsageError } from '../../errors.ts';
import type { Access } from '../../web/access/guard.ts';
import { TokenFile } from '../../web/access/token-file.ts';
import { isLoopback } from './listen-address.ts';
import type { WebFlags } from './web-options.ts';

/**
 * Who may, by the flags.
 * @throws UsageError if others could get to a server that nobody has said who may use
 */
export function accessOf(flags: WebFlags): Access {
  const { host } = flags.listen;
  const isLocal = isLoopback(host);
  const tokens = new TokenFile(flags.tokens, () => performance.now());
  if (!isLocal && flags.anonymous === undefined && tokens.list().length === 0)
    throw new UsageError(
      `--listen ${host} can be reached from elsewhere, and there is no token in ${flags.tokens}: make one by ` +
        '`edge-detect web token new --scope read`, or say --anonymous read',
    );
  return {
    anonymous: flags.anonymous ?? (isLocal ? 'admin' : undefined),
    scopeOf: (token) => tokens.scopeOf(token),
    hosts: isLocal
      ? new Set([
          'localhost',
          '127.0.0.1',
          '[::1]',
          host.includes(':') ? `[${host}]` : host,
          ...flags.hostName,
        ])
      : undefined,
    origins: new Set(flags.allowOrigin),
  };
}
