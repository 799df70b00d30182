// Builds the page into dist/web/page, from where `edge-detect web` serves it; `--if-changed` only where something of it is
// newer than what was built, as most builds change nothing of it.
import { existsSync, globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';

const HERE = import.meta.dirname;
const ROOT = join(HERE, '../../..');
const BUILT = join(ROOT, 'dist/web/page/index.html');

function isNewer(): boolean {
  const builtMs = existsSync(BUILT) ? statSync(BUILT).mtimeMs : 0;
  return [...globSync(join(HERE, '**/*')), join(ROOT, 'package-lock.json')].some(
    (file) => statSync(file).mtimeMs > builtMs,
  );
}

if (!process.argv.includes('--if-changed') || isNewer())
  await build({
    configFile: false,
    root: HERE,
    base: './',
    publicDir: false,
    logLevel: 'warn',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: join(ROOT, 'dist/web/page'),
      emptyOutDir: true,
      target: 'es2022',
      // A policy without inline code: nothing is put into the HTML, nothing into data: but pictures.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
  });
