/** The files of a function to start from, by their names. */
export type Files = Readonly<Record<string, string>>;

/** What an editor needs to know. */
export const TSCONFIG = `{
  "compilerOptions": {
    "target": "es2024",
    "module": "nodenext",
    "types": ["node"],
    "strict": true,
    "verbatimModuleSyntax": true,
    "erasableSyntaxOnly": true,
    "allowImportingTsExtensions": true,
    "skipLibCheck": true,
    "noEmit": true
  },
  "include": ["*.ts"]
}
`;

/** A function of single points. */
export function streamFiles(name: string): Files {
  return {
    [`${name}.ts`]: `import { defineFunction, option } from 'kapacitor-edge-detect/udf';

/** How far a field is from the mean of its group so far. */
export const ${name} = defineFunction({
  name: '${name}',
  wants: 'STREAM',
  provides: 'STREAM',
  options: {
    field: option.string({ summary: 'the field to look at' }),
    as: option.string({ default: 'distance', summary: 'the field that the distance goes to' }),
  },
  // What is kept for each group: the agent brings it back after a restart.
  begin: () => ({ count: 0, mean: 0 }),
  point(point, group, { options, emit }) {
    const value = point.field(options.field);
    if (typeof value !== 'number') return;
    group.count++;
    group.mean += (value - group.mean) / group.count;
    emit.forward(point, { [options.as]: value - group.mean });
  },
});
`,
    [`${name}.test.ts`]: `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHostile, checkRestarts, runFunction } from 'kapacitor-edge-detect/testing';
import { ${name} } from './${name}.ts';

const run = {
  options: { field: 'value' },
  lines: ['m,host=a value=1', 'm,host=a value=3', 'm,host=b value=8'],
  groupBy: ['host'],
};

test('adds the distance from the mean of the group', async () => {
  const { points } = await runFunction(${name}, run);
  assert.deepEqual(
    points.map(({ fields }) => fields.distance),
    [0, 1, 0],
  );
});

test('goes on after a restart as if nothing had been', () => checkRestarts(${name}, run));

test('takes whatever there is', () => checkHostile(${name}, run));
`,
    [`${name}.tick`]: `dbrp "telegraf"."autogen"

stream
    |from()
        .measurement('cpu')
        .groupBy('host')
    @${name}()
        .field('usage_user')
    |httpOut('${name}')
`,
  };
}

/** A function of whole batches. */
export function batchFiles(name: string): Files {
  return {
    [`${name}.ts`]: `import { defineFunction, option } from 'kapacitor-edge-detect/udf';

/** Of each batch the points with the greatest value. */
export const ${name} = defineFunction({
  name: '${name}',
  wants: 'BATCH',
  provides: 'BATCH',
  options: {
    field: option.string({ summary: 'the field to look at' }),
    count: option.int({ default: 1, min: 1, summary: 'how many points' }),
  },
  batch({ points }, _, { options, emit }) {
    const greatest = points
      .map((point) => ({ point, value: point.field(options.field) }))
      .filter(({ value }) => typeof value === 'number' && !Number.isNaN(value))
      .sort((a, b) => Number(b.value) - Number(a.value));
    for (const { point } of greatest.slice(0, options.count)) emit.forward(point);
  },
});
`,
    [`${name}.test.ts`]: `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHostile, checkRestarts, runFunction } from 'kapacitor-edge-detect/testing';
import { ${name} } from './${name}.ts';

const run = {
  options: { field: 'value', count: 2 },
  batches: [['m value=1', 'm value=3', 'm value=2'], ['m value=8']],
};

test('keeps the greatest of each batch', async () => {
  const { points } = await runFunction(${name}, run);
  assert.deepEqual(
    points.map(({ fields }) => fields.value),
    [3, 2, 8],
  );
});

test('goes on after a restart as if nothing had been', () => checkRestarts(${name}, run));

test('takes whatever there is', () => checkHostile(${name}, run));
`,
    [`${name}.tick`]: `dbrp "telegraf"."autogen"

batch
    |query('SELECT usage_user FROM "telegraf"."autogen"."cpu"')
        .period(10m)
        .every(10m)
        .groupBy('host')
    @${name}()
        .field('usage_user')
    |httpOut('${name}')
`,
  };
}
