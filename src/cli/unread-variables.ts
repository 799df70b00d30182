import type { Command } from 'commander';
import type { Io } from './io.ts';

const PREFIX = 'EDGE_DETECT_';

/** What is read and is no option's variable: secrets, files of secrets, and what docker-compose.yml reads. */
const WITHOUT_OPTION = [
  ...['KAPACITOR', 'FEED', 'WEB'].flatMap((who) =>
    ['USER', 'PASSWORD', 'PASSWORD_FILE', 'TOKEN', 'TOKEN_FILE'].map((name) => `${PREFIX}${who}_${name}`),
  ),
  ...['IMAGE', 'SSH_IMAGE'].map((name) => `${PREFIX}${name}`),
  ...['TLS', 'CA', 'MECHANISM', 'USER', 'PASSWORD', 'PASSWORD_FILE'].map((name) => `${PREFIX}KAFKA_${name}`),
];

/** Beyond so many letters that differ, a name is another one and no slip. */
const MAX_SLIPS = 3;

/**
 * Says which variables of ours nothing reads: a slip in a name would go unnoticed for ever.
 * @param command the one that runs
 * @param commandNames those of all commands; variables that begin with the name of another one are for that to judge
 * @param loadOthers all other commands, to be asked only if there is a variable that `command` does not know
 */
export async function sayUnreadVariables(
  command: Command,
  commandNames: readonly string[],
  loadOthers: () => Promise<readonly Command[]>,
  io: Io,
): Promise<void> {
  const foreign = commandNames
    .filter((name) => name !== rootOf(command).name())
    .map((name) => `${PREFIX}${name.toUpperCase()}_`);
  const own = [...WITHOUT_OPTION, ...variablesOf(rootOf(command))];
  const suspects = Object.keys(process.env).filter(
    (name) =>
      name.startsWith(PREFIX) && !own.includes(name) && !foreign.some((prefix) => name.startsWith(prefix)),
  );
  if (suspects.length === 0) return;
  // What begins with this command's name is its own, but that of revive is shared with serve.
  const name = rootOf(command).name();
  const isOwn =
    name !== 'revive' && suspects.every((each) => each.startsWith(`${PREFIX}${name.toUpperCase()}_`));
  const all = isOwn ? own : [...own, ...(await loadOthers()).flatMap(variablesOf)];
  for (const unread of suspects.filter((suspect) => !all.includes(suspect)).sort()) {
    const meant = nearest(unread, all);
    const advice = meant === undefined ? '' : `; is ${meant} meant?`;
    io.stderr.write(`edge-detect: nothing reads the variable ${unread}${advice}\n`);
  }
}

/** The command that a command of its own belongs to: `web` of `web token`. */
function rootOf(command: Command): Command {
  const { parent } = command;
  return parent === null || parent.parent === null ? command : rootOf(parent);
}

/** Those of a command and of the commands below it. */
function variablesOf(command: Command): string[] {
  return [
    ...command.options.flatMap(({ envVar }) => envVar ?? []),
    ...command.commands.flatMap((each) => variablesOf(each)),
  ];
}

function nearest(name: string, candidates: readonly string[]): string | undefined {
  const slips = candidates.map((candidate) => ({ candidate, count: slipsBetween(name, candidate) }));
  const best = slips.reduce((a, b) => (b.count < a.count ? b : a));
  return best.count <= MAX_SLIPS ? best.candidate : undefined;
}

/** How many letters must be added, left out or changed to make one text of the other. */
function slipsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries())
      next.push(
        Math.min((row[j] ?? 0) + (letter === other ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1),
      );
    row = next;
  }
  return row[b.length] ?? 0;
}
