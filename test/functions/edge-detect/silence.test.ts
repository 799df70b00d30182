import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { stringOption } from '../../support/agent/functions.ts';
import type { Option, Value } from '../../support/protocol/protocol.ts';
import { LiveNode, S, START_NS } from '../../support/scenarios/live-node.ts';

const FIELD = stringOption('field', 'value');
const silent = (text: string, seconds: number): Option => ({
  name: 'silent',
  values: [
    { type: 'string', v: text },
    { type: 'duration', v: BigInt(seconds) * S },
  ],
});
const duration = (name: string, seconds: number): Option => ({
  name,
  values: [{ type: 'duration', v: BigInt(seconds) * S }],
});
const SILENT = silent('SILENT', 5);

describe('a group that is not heard for longer than the duration', () => {
  test('gets the state at its newest time and the duration, by the clock alone', () => {
    const live = new LiveNode(FIELD, SILENT);
    live.take('a', 'up');
    live.pass(5);
    expect(live.edges()).toEqual(['a up 0']);
    live.pass(0.5);
    expect(live.edges()).toEqual(['a up 0', 'a SILENT 5']);
    live.pass(3600);
    expect(live.edges()).toHaveLength(2);
  });

  test('is noticed by whatever point comes, also one that carries nothing', () => {
    const live = new LiveNode(FIELD, SILENT);
    live.take('a', 'up', 0);
    live.take('b', undefined, 5);
    expect(live.edges()).toEqual(['a up 0']);
    live.take('b', undefined, 5.001);
    expect(live.edges()).toEqual(['a up 0', 'a SILENT 5']);
  });

  test('comes back with its next newer point, an edge from the silent state', () => {
    const live = new LiveNode(
      FIELD,
      SILENT,
      stringOption('previousAs', 'was'),
      stringOption('durationAs', 'lasted'),
    );
    live.take('a', 'up');
    live.pass(10);
    live.take('a', 'up', 0);
    live.take('a', 'down', -1);
    expect(live.edges()).toEqual(['a up 0', 'a SILENT 5']);
    live.take('a', 'up');
    expect(live.edges()).toEqual(['a up 0', 'a SILENT 5', 'a up 10']);
    expect(live.emitted().map(({ fields }) => [fields.was?.v, fields.lasted?.v])).toEqual([
      [undefined, undefined],
      ['up', 5],
      ['SILENT', 5],
    ]);
  });

  test('keeps a state that is no string, or that it is in already, and ends its silence all the same', () => {
    const live = new LiveNode(FIELD, SILENT);
    const number: Value = { type: 'int', v: 7n };
    live.take('a', number);
    live.take('b', number);
    live.take('c', 'SILENT');
    live.pass(6);
    expect(live.edges()).toEqual(['a 7 0', 'b 7 0', 'c SILENT 0']);
    expect(live.node.log.map(({ message }) => message)).toEqual([
      'a group that fell silent keeps its state, which is no string: a field cannot hold both',
    ]);
    live.take('a', { type: 'int', v: 8n }, 0);
    expect(live.edges()).toHaveLength(3);
    live.take('a', { type: 'int', v: 8n });
    expect(live.edges().slice(3)).toEqual(['a 8 6']);
  });

  test('drops its candidate, and needs hold and confirm to come back', () => {
    const live = new LiveNode(FIELD, SILENT, duration('hold', 3));
    live.take('a', 'up');
    live.pass(1);
    live.take('a', 'down');
    live.pass(6);
    live.take('a', 'down');
    live.pass(2);
    live.take('a', 'down');
    expect(live.edges()).toEqual(['a up 0', 'a SILENT 6']);
    live.pass(1);
    live.take('a', 'down');
    expect(live.edges()).toEqual(['a up 0', 'a SILENT 6', 'a down 7']);
  });

  test('is neither held back by limit nor counted towards it, and owes nothing any more', () => {
    const limit: Option = {
      name: 'limit',
      values: [
        { type: 'int', v: 1n },
        { type: 'duration', v: 20n * S },
      ],
    };
    const live = new LiveNode(FIELD, SILENT, limit);
    live.take('a', 'up');
    live.pass(1);
    live.take('a', 'down');
    live.pass(1);
    live.take('a', 'up');
    expect(live.edges()).toEqual(['a up 0', 'a down 1']);
    live.pass(6);
    expect(live.edges().slice(2)).toEqual(['a SILENT 7']);
    // There is room again from 21 on: this is owed until then.
    live.take('a', 'down');
    live.pass(1);
    expect(live.edges()).toHaveLength(3);
    for (let i = 0; i < 7; i++) {
      live.pass(2);
      live.take('a', 'down');
    }
    expect(live.edges().slice(3)).toEqual(['a down 21']);
  });

  test('passes the filters as any edge', () => {
    const live = new LiveNode(
      FIELD,
      SILENT,
      stringOption('notFrom', 'maintenance'),
      stringOption('to', 'SILENT'),
    );
    live.take('a', 'up');
    live.take('b', 'maintenance');
    live.pass(6);
    expect(live.edges()).toEqual(['a SILENT 5']);
  });

  test('several come in the order of their newest times, equal ones in the order in which they came first', () => {
    const live = new LiveNode(FIELD, SILENT);
    for (const host of ['d', 'b', 'c', 'a']) live.take(host, 'up', 0);
    live.take('b', 'up', 1);
    live.take('e', 'up', -1);
    live.take('c', 'up', 1);
    live.standStill(60);
    live.tick();
    expect(live.edges().slice(5)).toEqual([
      'e SILENT 4',
      'd SILENT 5',
      'a SILENT 5',
      'b SILENT 6',
      'c SILENT 6',
    ]);
  });

  test('of a hundred groups in any order all fall silent in order, and only those that are late', () => {
    const live = new LiveNode(FIELD, silent('SILENT', 100));
    const hosts = Array.from({ length: 100 }, (_, i) => `h${(i * 37) % 100}`);
    for (const [i, host] of hosts.entries()) live.take(host, 'up', ((i * 61) % 100) - 1000);
    for (const host of hosts.slice(0, 50)) live.take(host, 'up', -900);
    live.take('other', undefined, -800.5);
    const times = hosts.slice(50).map((_, i) => (((i + 50) * 61) % 100) - 900);
    const edges = live.edges().slice(100);
    expect(edges.map((edge) => Number(edge.split(' ')[2]))).toEqual(times.sort((a, b) => a - b));
  });
});

describe('node time', () => {
  test('of what is played in its recorded time only points move', () => {
    const live = new LiveNode(FIELD, SILENT);
    live.take('a', 'up', -1000);
    live.pass(3600);
    live.take('b', 'up', -995);
    expect(live.edges()).toEqual(['a up -1000', 'b up -995']);
    live.take('b', 'up', -994.5);
    expect(live.edges()).toEqual(['a up -1000', 'b up -995', 'a SILENT -995']);
    live.pass(3600);
    expect(live.edges()).toHaveLength(3);
  });

  test('is not moved by a device whose clock is a year ahead, and is by one that is a minute ahead', () => {
    const live = new LiveNode(FIELD, silent('SILENT', 90));
    const year = 365 * 86_400;
    live.take('a', 'up');
    live.take('ahead', 'up', year);
    live.pass(60);
    live.take('a', 'up');
    live.take('ahead', 'up', year + 60);
    live.pass(60);
    expect(live.edges()).toEqual(['a up 0', `ahead up ${year}`]);
    live.pass(31);
    expect(live.edges().slice(2)).toEqual(['a SILENT 150']);
    live.take('b', 'up', live.now + 60.001);
    live.take('c', 'up');
    live.take('d', 'up', live.now + 60);
    live.pass(31);
    expect(
      live
        .edges()
        .slice(3)
        .map((edge) => edge.split(' ').slice(0, 2).join(' ')),
    ).toEqual(['b up', 'c up', 'd up', 'c SILENT']);
  });

  test('goes on from a fresh point: one that is less than the duration behind the clock', () => {
    for (const [behind, isSilenced] of [
      [4.999, true],
      [5, false],
    ] as const) {
      const live = new LiveNode(FIELD, SILENT);
      live.take('a', 'up', -behind);
      live.pass(3600);
      expect(live.edges()).toHaveLength(isSilenced ? 2 : 1);
    }
  });

  test('is not moved by a standstill before what waited has been read', () => {
    const live = new LiveNode(FIELD, SILENT);
    live.take('a', 'up');
    live.take('b', 'up');
    live.standStill(60);
    for (let s = 1; s <= 60; s++) live.take('a', 'up', s);
    expect(live.edges()).toEqual(['a up 0', 'b up 0', 'b SILENT 5']);
    live.tick();
    live.pass(4);
    expect(live.edges()).toHaveLength(3);
    live.pass(1.5);
    expect(live.edges().slice(3)).toEqual(['a SILENT 65']);
  });
});

describe('the point of a silence', () => {
  test('is made of the last point that was not ignored, from its name to its tags, with the outputs', () => {
    const live = new LiveNode(
      FIELD,
      SILENT,
      stringOption('ignore', 'unavailable'),
      stringOption('sinceAs', 'since'),
      stringOption('countAs', 'changes'),
    );
    live.take('a', 'up', 0, {
      fields: { value: { type: 'string', v: 'up' }, other: { type: 'int', v: 1n } },
    });
    live.take('a', 'up', 1, {
      name: 'n',
      database: 'db',
      retentionPolicy: '',
      tags: { host: 'a', b: 'ü', '': '' },
      byName: true,
    });
    live.take('a', 'unavailable', 2, { name: 'no' });
    live.pass(7);
    expect(live.emitted().at(-1)).toEqual({
      time: START_NS + 6n * S,
      name: 'n',
      database: 'db',
      retentionPolicy: '',
      group: 'host=a',
      dimensions: ['host'],
      tags: { host: 'a', b: 'ü', '': '' },
      byName: true,
      fields: {
        value: { type: 'string', v: 'SILENT' },
        since: { type: 'int', v: START_NS + 6n * S },
        changes: { type: 'int', v: 1n },
      },
      unknown: [],
    });
  });

  test('of a tracked tag has that tag replaced, and no field but the outputs', () => {
    const live = new LiveNode(stringOption('tag', 'state'), SILENT, stringOption('as', 'now'));
    live.take('a', undefined, 0, {
      tags: { host: 'a', state: 'up' },
      fields: { x: { type: 'bool', v: true } },
    });
    live.pass(6);
    expect(live.emitted().at(-1)).toMatchObject({
      tags: { host: 'a', state: 'SILENT' },
      fields: { now: { type: 'string', v: 'SILENT' } },
    });
    expect(Object.keys(live.emitted().at(-1)?.fields ?? {})).toEqual(['now']);
  });

  test('has an output in the tracked field where that is its name', () => {
    const live = new LiveNode(FIELD, SILENT, stringOption('countAs', 'value'));
    live.take('a', 'up');
    live.pass(6);
    expect(live.emitted().at(-1)?.fields).toEqual({ value: { type: 'int', v: 1n } });
  });

  test('keeps bytes that are no text as they are', () => {
    const live = new LiveNode(FIELD, SILENT);
    live.take('a', 'up', 0, { tags: { host: 'a\udcff' }, group: 'host=a\udcff' });
    live.pass(6);
    expect(live.emitted().at(-1)).toMatchObject({ tags: { host: 'a\udcff' }, group: 'host=a\udcff' });
  });
});

describe('ttl with silent', () => {
  test('frees by node time, silence first, also where one point brings both', () => {
    const live = new LiveNode(FIELD, SILENT, duration('ttl', 10));
    live.take('a', 'up', -1000);
    live.take('b', 'up', -900);
    expect(live.edges()).toEqual(['a up -1000', 'a SILENT -995', 'b up -900']);
    expect(live.node.counts.groups).toBe(1);
    // It is as good as new, whatever its time.
    live.take('a', 'up', -999);
    expect(live.edges().slice(3)).toEqual(['a up -999']);
  });

  test('an evicted group does not fall silent', () => {
    const live = new LiveNode(FIELD, SILENT, { name: 'maxGroups', values: [{ type: 'int', v: 2n }] });
    for (const host of ['a', 'b', 'c']) live.take(host, 'up');
    live.pass(6);
    expect(live.edges().slice(3)).toEqual(['b SILENT 5', 'c SILENT 5']);
  });
});

describe('across a restart', () => {
  test('of a live task nobody falls silent before the first point and the duration', () => {
    const live = new LiveNode(FIELD, SILENT);
    live.take('a', 'up');
    live.take('b', 'up');
    live.restart(100);
    live.pass(50);
    expect(live.edges()).toHaveLength(2);
    live.take('b', 'up');
    live.pass(4.5);
    expect(live.edges()).toHaveLength(2);
    live.pass(0.5);
    expect(live.edges().slice(2)).toEqual(['a SILENT 5']);
    live.pass(1);
    expect(live.edges().slice(3)).toEqual(['b SILENT 155']);
  });

  test('a device whose clock is ahead is not the first point', () => {
    const live = new LiveNode(FIELD, SILENT);
    live.take('a', 'up');
    live.restart(100);
    live.take('ahead', 'up', 1_000_000);
    live.pass(3);
    live.take('b', 'up');
    expect(live.edges().filter((edge) => edge.startsWith('a '))).toEqual(['a up 0']);
    live.pass(5.5);
    expect(live.edges().filter((edge) => edge.startsWith('a '))).toEqual(['a up 0', 'a SILENT 5']);
  });

  test('silences of a recording are as without it, and who is silent stays so', () => {
    const play = (restarts: boolean): string[] => {
      const live = new LiveNode(FIELD, SILENT);
      const points: readonly (readonly [string, string, number])[] = [
        ['a', 'up', -1000],
        ['b', 'up', -1000],
        ['c', 'up', -998],
        ['c', 'up', -994],
        ['a', 'down', -1000],
        ['b', 'up', -993],
        ['c', 'down', -980],
        ['a', 'up', -979],
      ];
      for (const point of points) {
        live.take(...point);
        if (restarts) live.restart(1);
      }
      return live.edges();
    };
    expect(play(true)).toEqual(play(false));
    expect(play(false)).toEqual([
      'a up -1000',
      'b up -1000',
      'c up -998',
      'a SILENT -995',
      'b SILENT -995',
      'b up -993',
      'c SILENT -989',
      'b SILENT -988',
      'c down -980',
      'a up -979',
    ]);
  });

  test('node time is kept where nothing else is', () => {
    const live = new LiveNode(FIELD, SILENT);
    live.take('b', undefined, -900);
    live.restart();
    live.take('a', 'up', -1000);
    live.take('b', undefined, -1000);
    expect(live.edges()).toEqual(['a up -1000', 'a SILENT -995']);
  });
});

describe('a snapshot of version 1', () => {
  const read = (name: string): Buffer =>
    readFileSync(new URL(`../../fixtures/snapshots/version-1-${name}.bin`, import.meta.url));
  /** Its points are of 2018. */
  const at = (seconds: number): number => 1_514_979_000 - Number(START_NS / S) + seconds;
  const OUTPUTS = [stringOption('previousAs', 'was'), stringOption('countAs', 'changes')];
  const facts = (live: LiveNode): unknown[] =>
    live.emitted().map(({ tags, fields }) => [tags.host, fields.value?.v, fields.was?.v, fields.changes?.v]);

  test('is taken up as it was', () => {
    const live = new LiveNode(FIELD, ...OUTPUTS, stringOption('durationAs', 'lasted'));
    live.restart(0, read('plain'));
    expect(live.node.log).toEqual([]);
    for (const host of ['a', 'b', 'c']) live.take(host, 'up', at(100));
    expect(facts(live)).toEqual([
      ['a', 'up', 'down', 2n],
      ['c', 'up', 'SILENT', 1n],
    ]);
    expect(live.emitted()[0].fields.lasted).toEqual({ type: 'float', v: 40 });
  });

  test('by a node with silent too: a group falls silent once it has had a point again', () => {
    const live = new LiveNode(FIELD, ...OUTPUTS, SILENT, stringOption('durationAs', 'lasted'));
    live.restart(0, read('plain'));
    expect(live.node.log).toEqual([]);
    live.take('b', 'up', at(1000));
    live.take('d', undefined, at(2000));
    expect(facts(live)).toEqual([['b', 'SILENT', 'up', 1n]]);
    live.take('a', 'down', at(2000));
    live.take('d', undefined, at(3000));
    expect(facts(live).slice(1)).toEqual([['a', 'SILENT', 'down', 2n]]);
    live.take('c', 'up', at(3000));
    expect(facts(live).slice(2)).toEqual([['c', 'up', 'SILENT', 1n]]);
  });

  test('with candidates, debts and all', () => {
    const options = [
      ...OUTPUTS,
      { name: 'confirm', values: [{ type: 'int', v: 2n }] },
      {
        name: 'limit',
        values: [
          { type: 'int', v: 1n },
          { type: 'duration', v: 600n * S },
        ],
      },
      duration('every', 900),
      duration('ttl', 3600),
    ] as const;
    const live = new LiveNode(FIELD, ...options);
    live.restart(0, read('full'));
    expect(live.node.log).toEqual([]);
    // Of a and b an edge to `up` is owed, and `down` is a candidate with one point; c went `down` and stays so.
    live.take('a', 'down', at(70));
    live.take('c', 'down', at(71));
    expect(facts(live)).toEqual([]);
    live.take('b', 'up', at(700));
    live.take('c', 'down', at(1000));
    expect(facts(live)).toEqual([
      ['b', 'up', 'down', 2n],
      ['c', 'down', 'up', 1n],
    ]);
  });
});

test('ttl that is new to a task forgets nobody whose newest time the snapshot does not say', () => {
  const live = new LiveNode(FIELD);
  live.take('a', 'up');
  const snapshot = live.node.snapshot();
  const next = new LiveNode(FIELD, duration('ttl', 3600));
  next.restart(0, snapshot);
  next.take('a', 'up');
  expect(next.edges()).toEqual([]);
});
