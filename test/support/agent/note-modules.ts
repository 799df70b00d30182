import { writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { isMainThread } from 'node:worker_threads';

// Given to an agent by `--import`: at its end it writes which packages it loaded, and which parts of Node.

const urls: string[] = [];
registerHooks({
  load(url, context, nextLoad) {
    urls.push(url);
    return nextLoad(url, context);
  },
});

function packageOf(url: string): string | undefined {
  return /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
}

const file = process.env.NOTE_MODULES;
if (isMainThread && file !== undefined)
  process.on('exit', () => {
    const packages = [...new Set(urls.flatMap((url) => packageOf(url) ?? []))].sort();
    const parts: unknown = Reflect.get(process, 'moduleLoadList');
    writeFileSync(file, JSON.stringify({ packages, parts }));
  });
