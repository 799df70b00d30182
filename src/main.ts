#!/usr/bin/env node
// Nothing is imported before it is clear that this Node.js can run it.
const OLDEST = { major: 22, minor: 22 };
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor)) {
  process.stderr.write(
    `edge-detect: Node.js ${process.versions.node} is too old: ${OLDEST.major}.${OLDEST.minor} or later is needed\n`,
  );
  process.exitCode = 2;
} else {
  // The next start finds it compiled: a sixth of its time. Where nothing can be written it is done without.
  (await import('node:module')).enableCompileCache();
  const { processIo } = await import('./cli/io.ts');
  const { run } = await import('./cli/run.ts');
  const code = await run(process.argv.slice(2), processIo());
  if (code !== 0) process.exitCode = code;
}
