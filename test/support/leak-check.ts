import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { expectNothingLeft, noteTimers, resources } from './resources.ts';

// Loaded in front of every test file (see vitest.config.ts), so its hooks run first before a test and last behind it.

noteTimers();

let beforeFile = resources();
let beforeTest = beforeFile;

beforeAll(() => {
  beforeFile = resources();
});
beforeEach(() => {
  beforeTest = resources();
});
afterEach(() => expectNothingLeft(beforeTest, 'the test'));
afterAll(() => expectNothingLeft(beforeFile, 'the test file'));
