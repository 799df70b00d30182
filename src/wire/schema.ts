import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';

/** The types of a file in proto/, made at run time: what is rare needs no generated code. */
export function loadSchema(file: string): protobuf.Root {
  const source = readFileSync(new URL(`../../proto/${file}`, import.meta.url), 'utf8');
  return protobuf.parse(source, { keepCase: true }).root;
}
