import { readFileSync, writeFileSync } from 'node:fs';
import { FUNCTION_NAMES } from './material.ts';
import { ENDINGS, type Plan } from './plan.ts';

/** Writes a conversation down, so that it can be had again: `npm run fuzz -- --case FILE`. */
export function writeCase(file: string, plan: Plan, faults: readonly string[]): void {
  const chunks = plan.chunks.map((chunk) => chunk.toString('hex'));
  writeFileSync(file, `${JSON.stringify({ faults, ...plan, chunks }, undefined, 2)}\n`);
}

/** @throws Error where the file is no case */
export function readCase(file: string): Plan {
  const content: Record<string, unknown> = JSON.parse(readFileSync(file, 'utf8'));
  const functionName = FUNCTION_NAMES.find((name) => name === content.functionName);
  const ending = ENDINGS.find((name) => name === content.ending);
  if (functionName === undefined || ending === undefined || !Array.isArray(content.chunks))
    throw new Error(`${file} is no case of the fuzzer`);
  const chunks = content.chunks.map((chunk) => Buffer.from(String(chunk), 'hex'));
  return { functionName, ending, chunks, readsLate: content.readsLate === true };
}
