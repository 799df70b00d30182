import { InputError } from '../../errors.ts';
import { setting, wording } from '../../wording.ts';

/** What only a shell gives a meaning. */
const SHELL_CHARACTERS = /[|&;<>()$`*?]/;

/**
 * Splits a command into its words as a shell would, but expands nothing: blanks separate, quotes and backslashes
 * keep together.
 * @throws InputError if a quote is not closed, there is no word, or the command was meant for a shell
 */
export function splitWords(command: string): readonly [string, ...string[]] {
  const words: string[] = [];
  const token = /\s+|'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+)/gsy;
  let word: string | undefined;
  let end = 0;
  for (const match of command.matchAll(token)) {
    const [whole, single, double, escaped, plain] = match;
    end += whole.length;
    if (plain !== undefined && SHELL_CHARACTERS.test(plain))
      throw new InputError(
        'BAD_COMMAND',
        wording`${setting('exec')}: '${plain}' has a meaning for a shell only: add ${setting('shell')}, or quote it`,
      );
    const part = single ?? double?.replace(/\\(["\\])/g, '$1') ?? escaped ?? plain;
    if (part !== undefined) word = (word ?? '') + part;
    else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (end < command.length)
    throw new InputError(
      'BAD_COMMAND',
      wording`${setting('exec')}: a quote is not closed in ${command.slice(end)}`,
    );
  if (word !== undefined) words.push(word);
  const [program, ...args] = words;
  if (program === undefined || program === '')
    throw new InputError('BAD_COMMAND', wording`${setting('exec')}: there is no command`);
  return [program, ...args];
}
