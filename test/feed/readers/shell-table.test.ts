import { describe, expect, test } from 'vitest';
import { cuts, readText } from '../../support/feed/readings.ts';

/** As influx 1.6 prints it. */
const PRINTED = `name: adsl
tags: host=a,b, site=x y
time                n snr value
----                - --- -----
1514979051065000000   6.5 SHOW TIME
1514979141070000000 3     TRAIN, "q"

name: cpu
time                ok   v
----                --   -
1514979051065000000 true 1.5e+30
1514979051066000000      
`;
const POINTS = [
  'adsl,host=a\\,b,site=x\\ y snr=6.5,value="SHOW TIME" 1514979051065000000',
  'adsl,host=a\\,b,site=x\\ y n=3,value="TRAIN, \\"q\\"" 1514979141070000000',
  'cpu ok=true,v=1.5e+30 1514979051065000000',
  'empty',
];

describe('ShellTableReader', () => {
  test('reads tables by where their columns stand', () => {
    expect(readText(PRINTED).all).toEqual(POINTS);
    expect(readText(PRINTED.replaceAll('\n', '\r\n')).all).toEqual(POINTS);
  });

  test('reads the same wherever its bytes are cut', () => {
    for (const pieces of cuts(PRINTED)) expect(readText(pieces).all).toEqual(POINTS);
  });

  test('passes over what the shell says besides', () => {
    const talk = `Connected to http://localhost:8086 version 1.6.7~rc0\nInfluxDB shell version: 1.6.7~rc0\n> use telegraf\nUsing database telegraf\n> select * from adsl\n${PRINTED}> exit\n`;
    expect(readText(talk).all).toEqual(POINTS);
  });

  test('counts characters, not bytes', () => {
    const text = 'name: m\ntime       zustand x\n----       ------- -\n1514979051 grün 🟢  1\n';
    expect(readText(text).all).toEqual(['m zustand="grün 🟢",x=1 1514979051000000000']);
  });

  test('refuses rows that do not stand below the names, and takes dates', () => {
    const text =
      'name: m\ntime                 v w\n----                 - -\n2018-01-03T11:30:51Z 1 2\n2018-01-03T11:30:51.065Z 1 2\n';
    expect(readText(text).all).toEqual([
      'm v=1,w=2 1514979051000000000',
      '2018-01-03T11:30:51.065Z 1 2 <- line 5: it does not stand below the names',
    ]);
  });
});
