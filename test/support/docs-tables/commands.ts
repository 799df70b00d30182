import type { Command, Option } from 'commander';
import { allCommands } from '../../../src/cli/run.ts';
import { CapturedIo } from '../captured-io.ts';
import { code, table } from './markdown.ts';

function defaultOf(option: Option): string {
  if (option.defaultValueDescription !== undefined) return option.defaultValueDescription;
  const { defaultValue } = option;
  if (defaultValue === undefined || defaultValue === false || defaultValue === '') return '';
  if (Array.isArray(defaultValue)) return defaultValue.join(', ');
  return String(defaultValue);
}

function flagRow(option: Option): string[] {
  const choices = option.argChoices === undefined ? '' : `: ${option.argChoices.map(code).join(', ')}`;
  return [
    code(option.flags),
    code(option.envVar ?? ''),
    // Options that are there for scripts of before have nothing to say.
    `${option.description}${choices}`.replaceAll('<', '&lt;'),
    code(defaultOf(option)),
  ];
}

function usageOf(command: Command, parents: string): string {
  const args = command.registeredArguments.map((argument) => {
    const name = argument.variadic ? `${argument.name()}...` : argument.name();
    return argument.required ? ` <${name}>` : ` [${name}]`;
  });
  return `${parents} ${command.name()}${args.join('')}`;
}

function sectionsOf(command: Command, parents: string): string[] {
  const name = `${parents} ${command.name()}`;
  const options = command.options.filter((option) => !option.hidden);
  const rows = options.map(flagRow);
  const heads = ['flag', 'variable', 'what it does', 'default'];
  return [
    [
      `## \`${name}\``,
      `${capitalised(command.description())}: ${code(usageOf(command, parents))}.`,
      ...(rows.length === 0 ? [] : [table(heads, rows)]),
    ].join('\n\n'),
    ...command.commands.flatMap((child) => sectionsOf(child, name)),
  ];
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Every command with its flags and variables, a section each. */
export async function commandSections(): Promise<string> {
  const commands = await allCommands(new CapturedIo());
  return commands.flatMap((command) => sectionsOf(command, 'edge-detect')).join('\n\n');
}
