import { describe, expect, test } from 'vitest';
import { InputError, OperationError, wordingOf } from '../src/errors.ts';
import { setting, wording } from '../src/wording.ts';

const flag = (name: string): string => `--${name}`;

describe('a wording', () => {
  test('calls its settings by their own names until a door says otherwise', () => {
    const text = wording`check ${setting('token')} and its rights (${401})`;
    expect(String(text)).toBe('check token and its rights (401)');
    expect(text.say(flag)).toBe('check --token and its rights (401)');
    expect(text.settings).toEqual(['token']);
  });

  test('keeps the settings of another one inside it', () => {
    const inner = wording`choose another ${setting('file')}`;
    const outer = wording`it is a folder; ${inner}, or leave ${setting('exec')} out`;
    expect(outer.say(flag)).toBe('it is a folder; choose another --file, or leave --exec out');
    expect(outer.settings).toEqual(['file', 'exec']);
  });

  test('takes nothing in a value for the name of a setting', () => {
    expect(wording`${setting('file')} ${'file'} does not exist`.say(flag)).toBe('--file file does not exist');
  });
});

describe('an error', () => {
  test('has a message for this process, and the wording for another door', () => {
    const error = new InputError('FILE_NOT_FOUND', wording`${setting('file')} x does not exist`);
    expect(error).toMatchObject({ code: 'FILE_NOT_FOUND', message: 'file x does not exist' });
    expect(error.wording.say(flag)).toBe('--file x does not exist');
  });

  test('goes into the wording of another with its settings', () => {
    const cause = new OperationError(wording`see ${setting('socketMode')}`);
    expect(wording`cannot connect: ${wordingOf(cause)}`.settings).toEqual(['socketMode']);
    expect(String(wording`cannot connect: ${wordingOf(new Error('gone'))}`)).toBe('cannot connect: gone');
  });
});
