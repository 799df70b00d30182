import { InvalidArgumentError } from 'commander';
import { UsageError } from '../errors.ts';

/** The parser of flags that take a whole number of 1 or more. */
export function parseCount(text: string): number {
  if (!/^[1-9]\d*$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw new InvalidArgumentError('It must be a whole number of 1 or more.');
  return Number(text);
}

/** The parser of flags that may be repeated. */
export function addArgument(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

/** The parser of flags that may be repeated or hold several with commas (and blanks) between; none at all is an empty list. */
export function addListed(text: string, before: readonly string[]): readonly string[] {
  const listed = text.split(',').map((each) => each.trim());
  return [...before, ...listed.filter((each) => each !== '')];
}

/**
 * Reads the URL of an HTTP API.
 * @throws UsageError that does not repeat the text, as commander's own would: it may hold a password
 */
export function parseHttpUrl(text: string, flag: string, example: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.search || url.hash)
    throw new UsageError(`the URL of ${flag} must be one such as ${example}`);
  return url;
}
