import { readFileSync } from 'node:fs';
import { messageOf, UsageError } from '../errors.ts';

/**
 * What must not stand among a program's arguments, where everybody can read it: the variable's value, or what the file
 * holds that the variable with `_FILE` behind it names.
 * @returns empty if there is neither
 * @throws UsageError if the file can't be read
 */
export function readSecret(variable: string): string {
  const file = process.env[`${variable}_FILE`];
  if (file === undefined || file === '') return process.env[variable] ?? '';
  return readSettingFile(file, `${variable}_FILE`).trim();
}

/** @throws UsageError that says by the name of the setting which file can't be read */
export function readSettingFile(file: string, name: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${name}: cannot read it: ${messageOf(error)}`);
  }
}
