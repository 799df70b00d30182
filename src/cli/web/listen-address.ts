import { isIP } from 'node:net';
import { InvalidArgumentError } from 'commander';

/** Where the server listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** The parser of `--listen`: 127.0.0.1:9095, [::1]:9095, localhost:9095, :9095 (all addresses). */
export function parseListenAddress(text: string): ListenAddress {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const number = Number(port);
  if (port === undefined || number > 65_535)
    throw new InvalidArgumentError('It must be an address such as 127.0.0.1:9095 or [::1]:9095.');
  return { host: bracketed ?? (plain || '::'), port: number };
}

/** Whether only this machine gets to an address. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  return isIP(host) === 4 ? host.startsWith('127.') : host === '::1';
}
