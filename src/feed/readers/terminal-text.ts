// What a terminal obeys and does not show, as ECMA-48 has it.
/** Control sequences: `ESC [` or the one character for it, parameters, and a final letter that says what is to happen. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const SEQUENCE = /(?:\x1b\[|\x9b)[0-?]*[ -/]*([@-~])/g;
/** Control strings, up to their end: titles of windows and the like. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const STRING = /\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)/g;
/** Escapes of two or three characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const SHORT_ESCAPE = /\x1b[ -/]*[0-~]/g;
/** The final letters of sequences that take the cursor to another line. */
const OTHER_LINE = /^[HfEFd]$/;
/** What is left of a telnet conversation, and ends no line: NUL after a carriage return, bells. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSEEN = /[\0\x07]/g;
/** A line ends as a device likes: with line feed, carriage return, or any number of both. */
const LINE_END = /\r*\n\r?(?!\n)|\r*\n|\r+/g;
/** A command line waiting for the next command: `router1#`, `admin@nas:~$`, `>`. */
const PROMPT_AT_END = /\n[\w.@:()[\]/~-]{0,64}[>#$%]\s*$/;

/** The text as a person would read it on a terminal: no colours, lines that end with `\n`, what was rubbed out gone. */
export function plainText(text: string): string {
  const shown = text
    .replace(UNSEEN, '')
    .replace(SEQUENCE, (_, final: string) => (OTHER_LINE.test(final) ? '\n' : ''))
    .replace(STRING, '')
    .replace(SHORT_ESCAPE, '')
    .replace(LINE_END, '\n');
  return shown.includes('\b') ? rubbedOut(shown) : shown;
}

/** A value without what stands around it: blanks, and the prompt that a device prints when it is done. */
export function plainValue(value: string): string {
  return value.replace(PROMPT_AT_END, '').trim();
}

/** Backspaces take back what stands before them in their line: a pager's `--More--` and what is bold in a manual. */
function rubbedOut(text: string): string {
  const kept: string[] = [];
  for (const character of text) {
    if (character !== '\b') kept.push(character);
    else if (kept.length > 0 && kept.at(-1) !== '\n') kept.pop();
  }
  return kept.join('');
}
