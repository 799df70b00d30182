#!/usr/bin/env node
import { processIo } from './cli/io.ts';
import { run } from './cli/run.ts';

const code = await run(process.argv.slice(2), processIo());
if (code !== 0) process.exitCode = code;
