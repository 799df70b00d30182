import { randomUUID } from 'node:crypto';
import { linkSync, lstatSync, renameSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { codeOf, messageOf, OperationError } from '../errors.ts';
import { setting, wording } from '../wording.ts';
import { permissionAdvice } from './access.ts';

// The file of a socket: it is there from bind on, stays when its process is killed, and tells by nothing whose it is.
// Nobody may remove one that is served, neither by taking it for a dead one nor, at its own end, for its own: so a file
// is set aside first, which takes one moment, and looked at before it is removed.

export const ELSEWHERE = wording`another place (${setting('socketDir')}, or ${setting('function')} NAME=PATH)`;

/** A socket younger than this may be about to be served: between bind and listen it refuses as a dead one does. */
const YOUNG_MS = 1000;
const GROW_UP_MS = 50;

/** Tells a file from another one at the same path; its number alone may be given away again at once. */
interface Identity {
  readonly inode: bigint;
  readonly madeNs: bigint;
}

/** Which file lies at a path. @returns undefined where there is none */
export function identityOf(path: string): Identity | undefined {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? undefined : { inode: stats.ino, madeNs: stats.mtimeNs };
}

export function isSameFile(one: Identity | undefined, other: Identity | undefined): boolean {
  return one?.inode === other?.inode && one?.madeNs === other?.madeNs;
}

/**
 * Removes the socket of a process that is gone; whatever else is in the way stays, and is an error.
 * @throws OperationError naming what is there and what to do
 */
export async function makeWay(path: string): Promise<void> {
  // Others who start at the same moment make way as well.
  while (true) {
    const found = socketAt(path);
    if (found === undefined) return;
    let answer = await knock(path);
    if (answer === 'ECONNREFUSED' && isYoung(found)) {
      await pause(GROW_UP_MS);
      answer = await knock(path);
    }
    if (answer === undefined || answer === 'EAGAIN')
      throw new OperationError(
        wording`cannot listen on ${path}: another process serves it; stop that one or choose ${ELSEWHERE}`,
      );
    if (answer === 'ECONNREFUSED') remove(path, found);
    else if (answer !== 'ENOENT')
      throw new OperationError(
        `cannot listen on ${path}: a socket is there of which nobody can tell whether it is served (${answer}); stop what serves it or remove it`,
      );
  }
}

/** Whether somebody answers at a path. */
export async function isServed(path: string): Promise<boolean> {
  const answer = await knock(path);
  return answer === undefined || answer === 'EAGAIN';
}

/** Closes a server without removing what is no longer its own: closing removes whatever lies at its path. */
export function closeServer(server: Server, path: string, own: Identity | undefined): Promise<void> {
  return new Promise((resolve) => {
    const close = (): void => {
      server.close(() => resolve());
    };
    if (isSameFile(identityOf(path), own)) close();
    else withoutFile(path, close);
  });
}

/** @throws OperationError where there is something else */
function socketAt(path: string): Identity | undefined {
  try {
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    if (stats.isSocket()) return { inode: stats.ino, madeNs: stats.mtimeNs };
  } catch (error) {
    const advice = permissionAdvice(error, dirname(path), undefined) ?? 'let this user look there';
    throw new OperationError(
      wording`cannot listen on ${path}: ${messageOf(error)}; ${advice}, or choose ${ELSEWHERE}`,
    );
  }
  throw new OperationError(
    `cannot listen on ${path}: there is something that is no socket; move it out of the way`,
  );
}

function isYoung({ madeNs }: Identity): boolean {
  return Date.now() - Number(madeNs / 1_000_000n) < YOUNG_MS;
}

/** Removes a file unless it is another one by now. @throws OperationError where it can't be removed */
function remove(path: string, found: Identity): void {
  const aside = setAside(path);
  if (aside === undefined) return;
  if (!isSameFile(identityOf(aside), found)) putBack(aside, path);
  else unlinkSync(aside);
}

/** Does something while nothing lies at a path. */
function withoutFile(path: string, use: () => void): void {
  const aside = setAside(path);
  try {
    use();
  } finally {
    if (aside !== undefined) putBack(aside, path);
  }
}

/** @returns where the file is now; undefined where there is none */
function setAside(path: string): string | undefined {
  // In containers, process ids are alike.
  const aside = `${path}.${randomUUID().slice(0, 8)}~`;
  try {
    renameSync(path, aside);
    return aside;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    const advice = permissionAdvice(error, dirname(path), undefined) ?? 'remove it';
    throw new OperationError(
      `cannot remove ${path}, which a process that is gone left behind: ${messageOf(error)}; ${advice}`,
    );
  }
}

/** Meanwhile somebody may have put a newer one there, which stays. */
function putBack(aside: string, path: string): void {
  try {
    linkSync(aside, path);
    unlinkSync(aside);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') unlinkSync(aside);
    // A file system without links, or a folder.
    else renameSync(aside, path);
  }
}

/** Connects and hangs up. @returns the error's code, or undefined where somebody answers */
function knock(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error) => resolve(codeOf(error) ?? error.message));
  });
}
