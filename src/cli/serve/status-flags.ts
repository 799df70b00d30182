import { join } from 'node:path';
import { Option } from 'commander';
import type { StatusPlace } from '../../agent/agent.ts';
import { UsageError } from '../../errors.ts';
import { programVersion } from '../program-version.ts';

/** The flags that say where the agent tells of itself. */
export interface StatusFlags {
  readonly socketDir: string;
  /** Undefined: beside the other sockets; empty: nowhere. */
  readonly status?: string;
  readonly statusListen?: string;
}

export function statusOptions(): Option[] {
  return [
    new Option(
      '--status <path>',
      "the socket on which the agent tells of itself (default: status.sock beside the others; '': none)",
    ).env('EDGE_DETECT_STATUS'),
    new Option('--status-listen <host:port>', 'tell it on this address as well; it has no password').env(
      'EDGE_DETECT_STATUS_LISTEN',
    ),
  ];
}

/** @throws UsageError for an address that is none */
export function statusPlace({ socketDir, status, statusListen }: StatusFlags): StatusPlace {
  const path = status ?? join(socketDir, 'status.sock');
  return {
    path: path === '' ? undefined : path,
    address: statusListen === undefined || statusListen === '' ? undefined : parseAddress(statusListen),
    version: programVersion(),
  };
}

function parseAddress(text: string): { host: string; port: number } {
  const [, host, port] = /^(\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || port === undefined || Number(port) > 65_535)
    throw new UsageError(`--status-listen ${text}: it must be an address such as 127.0.0.1:9096`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}
