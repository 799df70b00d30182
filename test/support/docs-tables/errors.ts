import { PROTOCOL_ERRORS, type ProtocolErrorCode } from '../../../src/wire/protocol-error.ts';
import { code, table } from './markdown.ts';

const ANOTHER_WRITER = 'something that is not Kapacitor writes to the socket: see who may connect';

const ADVICE: Readonly<Record<ProtocolErrorCode, string>> = {
  EMPTY_FRAME: ANOTHER_WRITER,
  FRAME_TOO_LARGE:
    'raise `--max-frame-bytes` if the message is legitimate (a Restore that is too large is no error: the node starts empty)',
  BAD_FRAME_LENGTH: ANOTHER_WRITER,
  TRUNCATED_FRAME: "look at Kapacitor's log: it was probably killed",
  UNKNOWN_MESSAGE: ANOTHER_WRITER,
  MALFORMED_MESSAGE: ANOTHER_WRITER,
  UNEXPECTED_MESSAGE: 'look into `kapacitor.conf`: is each function at its own socket?',
  FUNCTION_FAILED:
    'a function of yours: mend it where the message says; one of the agent: please report it with its log',
};

/** What can be wrong with a conversation. */
export function errorsTable(): string {
  return table(
    ['code', 'what happened', 'what to do'],
    Object.entries(PROTOCOL_ERRORS).map(([name, what]) => [code(name), what, adviceFor(name)]),
  );
}

function adviceFor(name: string): string {
  const advice: Readonly<Record<string, string>> = ADVICE;
  return advice[name] ?? '';
}
