import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { ServedSocket } from '../agent/server.ts';
import { messageOf, UsageError } from '../errors.ts';
import type { Io } from './io.ts';
import type { CommandFactory } from './run.ts';
import { loadCatalogue, type ServedOptions, servedOptions, servedSockets } from './served-functions.ts';

interface ConfOptions extends ServedOptions {
  readonly remove?: boolean;
}

const USUAL_FILE = '/etc/kapacitor/kapacitor.conf';
/** How long Kapacitor waits for an answer: as long as in every example of its own. */
const TIMEOUT = '10s';

/** `edge-detect conf`: the lines for kapacitor.conf of all that is served, and which of them are in one. */
export const confCommand: CommandFactory = (io, exit) => {
  const command = new Command('conf')
    .description('print the lines for kapacitor.conf of all that is served')
    .argument(
      '[file]',
      `with --remove, the file that they are in (default: ${USUAL_FILE}); - for standard input`,
    );
  for (const option of servedOptions()) command.addOption(option);
  command
    .addOption(new Option('--remove', 'say which lines of a kapacitor.conf are to go when the agent goes'))
    .addHelpText(
      'after',
      `
Examples:
  edge-detect conf >> kapacitor.conf
  edge-detect conf --remove /etc/kapacitor/kapacitor.conf

Take the lines out before the agent goes: Kapacitor hangs at its next start for a function that nobody serves.
With --remove: exits with 0 also where there are none; it changes nothing.`,
    );
  return command.action(async (file: string | undefined, options: ConfOptions) => {
    const own = (await loadCatalogue(options)).own.map(({ name }) => name);
    const served = servedSockets(options, own);
    if (options.remove === true) await sayLines(file ?? USUAL_FILE, served, io);
    else if (file !== undefined)
      throw new UsageError('a file goes with --remove: without it, the lines are printed');
    else io.stdout.write(linesFor(served));
    exit(0);
  });
};

function linesFor(served: readonly ServedSocket[]): string {
  const sections = served.map(
    ({ name, path }) =>
      `[udf.functions.${name}]\n  socket = ${JSON.stringify(path)}\n  timeout = "${TIMEOUT}"\n`,
  );
  return sections.join('\n');
}

/** A section of a function of ours: by its name or its socket. */
interface Section {
  readonly title: string;
  /** From 1. */
  readonly firstLine: number;
  lastLine: number;
}

async function sayLines(file: string, served: readonly ServedSocket[], io: Io): Promise<void> {
  const lines = (await textOf(file, io)).split('\n');
  const names = new Set(served.map(({ name }) => name));
  const sockets = new Set(served.map(({ path }) => path));
  const found = udfSections(lines).filter(({ title, firstLine, lastLine }) => {
    const body = lines.slice(firstLine, lastLine).join('\n');
    const socket = /^\s*socket\s*=\s*["']([^"']+)["']/m.exec(body)?.[1];
    return names.has(title) || (socket !== undefined && sockets.has(socket));
  });
  if (found.length === 0) {
    io.stdout.write(`${file}: there are no lines of functions that are served here\n`);
    return;
  }
  for (const { title, firstLine, lastLine } of found) {
    io.stdout.write(`${file}: remove lines ${firstLine} to ${lastLine} (${title}):\n`);
    for (let at = firstLine; at <= lastLine; at++)
      io.stdout.write(`${String(at).padStart(6)}  ${lines[at - 1]}\n`);
  }
  const ranges = found.map(({ firstLine, lastLine }) => `${firstLine},${lastLine}d`).join(';');
  if (file !== '-')
    io.stdout.write(`or: sed -i '${ranges}' ${file}\nthen restart Kapacitor, and end the agent after that\n`);
}

/** The sections of UDFs; each goes on to the next header, without the blank lines and comments before that. */
function udfSections(lines: readonly string[]): Section[] {
  const sections: Section[] = [];
  let current: Section | undefined;
  lines.forEach((line, index) => {
    const header = /^\s*\[+\s*([^\]]+?)\s*\]/.exec(line)?.[1];
    const title = /^udf\.functions\.["']?([^."']+)["']?(?:\..*)?$/.exec(header ?? '')?.[1];
    if (header === undefined) {
      if (current !== undefined && /^\s*[^#\s]/.test(line)) current.lastLine = index + 1;
    } else if (title !== undefined && title === current?.title) current.lastLine = index + 1;
    else if (title !== undefined) {
      current = { title, firstLine: index + 1, lastLine: index + 1 };
      sections.push(current);
    } else current = undefined;
  });
  return sections;
}

async function textOf(file: string, io: Io): Promise<string> {
  if (file === '-') {
    const chunks: string[] = [];
    for await (const chunk of io.stdin) chunks.push(String(chunk));
    return chunks.join('');
  }
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file}: cannot read it: ${messageOf(error)}`);
  }
}
