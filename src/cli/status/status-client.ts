import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Option } from 'commander';
import { codeOf, messageOf, OperationError } from '../../errors.ts';

const DEFAULT_SOCKET_DIR = '/var/run/kapacitor-udf';
const TIMEOUT_MS = 10_000;

/** The flags that say whose status is asked for. */
export interface StatusClientFlags {
  readonly socketDir: string;
  readonly socket?: string;
  readonly format: 'table' | 'json';
}

export function statusClientOptions(): Option[] {
  return [
    new Option('--socket-dir <dir>', "the folder of the agent's sockets")
      .default(DEFAULT_SOCKET_DIR)
      .env('EDGE_DETECT_SOCKET_DIR'),
    new Option('--socket <path>', "the agent's status socket (default: status.sock in that folder)").env(
      'EDGE_DETECT_STATUS',
    ),
    new Option('--format <format>', 'a table for people, or JSON for programs')
      .choices(['table', 'json'])
      .default('table')
      .env('EDGE_DETECT_STATUS_FORMAT'),
  ];
}

/** Asks the agent. @throws OperationError that says what to do where it does not answer */
export async function askAgent(flags: StatusClientFlags, path: string): Promise<unknown> {
  const response = await openAgent(flags, path, AbortSignal.timeout(TIMEOUT_MS));
  const body = await text(response);
  const answer: unknown = JSON.parse(body);
  if (response.statusCode === 200) return answer;
  const error =
    typeof answer === 'object' && answer !== null && 'error' in answer ? String(answer.error) : body;
  throw new OperationError(`the agent says: ${error}`);
}

/** Opens an answer that may go on for ever. */
export function openAgent(
  flags: StatusClientFlags,
  path: string,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const socketPath = flags.socket || join(flags.socketDir, 'status.sock');
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, headers: { accept: 'application/x-ndjson' }, signal }, resolve);
    asked.once('error', (error) => reject(new OperationError(unreached(socketPath, error))));
    asked.end();
  });
}

function unreached(socketPath: string, error: Error): string {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return `no agent answers at ${socketPath} (${code}): is \`edge-detect serve\` running, and is this its folder (--socket-dir)?`;
  if (code === 'EACCES')
    return `${socketPath} may not be opened by this user (EACCES): ask as the agent's user, or as a member of the socket's group`;
  return `the agent at ${socketPath} does not answer: ${messageOf(error)}`;
}
