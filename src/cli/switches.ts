import type { Command } from 'commander';
import { UsageError } from '../errors.ts';

/**
 * Reads the switches of a command that are set by their variables: commander takes one for on if its variable is there
 * at all, even as 0.
 * @throws UsageError if a variable says neither yes nor no
 */
export function settleSwitches(command: Command): void {
  for (const option of command.options) {
    const name = option.attributeName();
    if (!option.isBoolean() || command.getOptionValueSource(name) !== 'env') continue;
    const text = process.env[option.envVar ?? ''] ?? '';
    if (/^(?:1|true|yes|on)$/i.test(text)) continue;
    if (!/^(?:0|false|no|off|)$/i.test(text))
      throw new UsageError(`${option.envVar} is '${text}': say yes or no`);
    command.setOptionValueWithSource(name, false, 'env');
  }
}
