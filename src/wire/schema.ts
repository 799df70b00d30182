import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type protobuf from 'protobufjs';

/** A message type by its name. */
export type TypeByName = (name: string) => protobuf.Type;

const require = createRequire(import.meta.url);

/** The library, loaded at the first message that needs it: an agent that waits has no use for its 45 files. */
const library = (): typeof protobuf => require('protobufjs');

/** An encoder that can be used again and again. */
export function makeEncoder(): protobuf.Writer {
  return library().Writer.create();
}

/**
 * The types of a file in proto/, made at run time when the first one is asked for: what is rare needs no generated code.
 * @returns a type by its name
 */
export function schemaTypes(file: string, packageName: string): TypeByName {
  const types = new Map<string, protobuf.Type>();
  let root: protobuf.Root | undefined;
  return (name) => {
    let type = types.get(name);
    if (type === undefined) {
      root ??= library().parse(readFileSync(new URL(`../../proto/${file}`, import.meta.url), 'utf8'), {
        keepCase: true,
      }).root;
      type = root.lookupType(`${packageName}.${name}`);
      types.set(name, type);
    }
    return type;
  };
}
