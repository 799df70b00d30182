import { mkdirSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { codeOf, messageOf } from '../errors.ts';

/** Somebody who wants to connect; what is undefined is none of those that have a say. */
export interface Identity {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/** A file or folder on the way to a socket, and who may do what with it. */
interface Place {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** Bits of a mode, as they stand for everybody. */
const ENTER = 0o1;
const WRITE = 0o2;
const SETGID = 0o2000;
/** What a folder of sockets should have: its owner makes them, its group gets in, and they get its group. */
const FOLDER_MODE = '2750';
const ROOT = 0;
const ANYBODY: Identity = { uid: undefined, gid: undefined };

/** Who may connect to a socket, for people: `user 10092 and group 999`. Root always may. */
export function whoMayConnect(path: string): string {
  try {
    return namesOfThose(path);
  } catch (error) {
    return `unknown: ${messageOf(error)}`;
  }
}

function namesOfThose(path: string): string {
  if (obstacleTo(path, ANYBODY) === undefined) return 'everybody';
  const places = [...placesTo(path)];
  const users = distinct(places.map(({ uid }) => uid))
    .filter((uid) => uid !== ROOT && obstacleTo(path, { uid, gid: undefined }) === undefined)
    .map((uid) => `user ${uid}`);
  const groups = groupsThatMay(path, places).map((gid) => `group ${gid}`);
  const all = [...users, ...groups];
  if (all.length === 0) return 'root alone';
  return all.length === 1 ? `${all[0]} alone` : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
}

/**
 * What keeps Kapacitor from a socket, and what mends it.
 * @param gid Kapacitor's group; undefined: it is not known, so that only what keeps out any group is told
 * @returns undefined if nothing is known to be wrong
 * @throws a system error where the socket can't be looked at
 */
export function accessProblem(path: string, gid: number | undefined): string | undefined {
  const folder = placeAt(dirname(path));
  const socket = placeAt(path);
  if (gid !== undefined) {
    const obstacle = obstacleTo(path, { uid: undefined, gid });
    if (obstacle === undefined) return undefined;
    const where =
      obstacle.path === path && lacksSetgid(folder, socket)
        ? `${described(folder)} and no setgid bit`
        : described(obstacle);
    return `group ${gid} can't connect to ${path}: ${where}; ${mendingOf(obstacle, folder, gid)}`;
  }
  if (lacksSetgid(folder, socket) && obstacleTo(path, { uid: undefined, gid: folder.gid }) !== undefined)
    return (
      `group ${folder.gid} can't connect to ${path}: the folder ${folder.path} is of that group, but without the setgid bit, ` +
      `so the socket has group ${socket.gid}; ${mendingOf(folder, folder, folder.gid)}`
    );
  if (obstacleTo(path, ANYBODY) === undefined || groupsThatMay(path, [...placesTo(path)]).length > 0)
    return undefined;
  const obstacle = obstacleTo(path, { uid: undefined, gid: socket.gid }) ?? folder;
  const who = socket.uid === ROOT ? 'root' : `user ${socket.uid} (and root)`;
  return `nobody but ${who} can connect to ${path}: ${described(obstacle)}; ${mendingOf(obstacle, folder, undefined)}`;
}

/**
 * What to do where it is the permissions of a folder that keep this process from making or removing files in it.
 * @param gid Kapacitor's group, if it is known
 * @returns undefined where something else is wrong
 */
export function permissionAdvice(
  error: unknown,
  folder: string,
  gid: number | undefined,
): string | undefined {
  const code = codeOf(error);
  const uid = process.getuid?.();
  // Root is refused for other reasons.
  if ((code !== 'EACCES' && code !== 'EPERM') || uid === undefined || uid === ROOT) return undefined;
  return writingProblem(resolve(folder), gid);
}

/** Who this process is, whose a folder is, and what lets the one write into the other. */
export function writingProblem(folder: string, gid: number | undefined): string {
  const [uid = 0, ownGid = 0] = [process.getuid?.(), process.getgid?.()];
  const nearest = nearestPlace(folder);
  const who = `this process is user ${uid} and group ${ownGid}`;
  if (nearest === undefined) return who;
  const group = gid ?? (nearest.gid === ROOT || nearest.gid === ownGid ? undefined : nearest.gid);
  return `${who}, and ${described(nearest)}; ${commandsFor(folder, `${uid}:${group ?? 'GID'}`, group)}`;
}

/** Makes a folder and those above it. Node's own way to do so hangs where none can be made, as in /proc. */
export function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Somebody else was faster.
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/**
 * Where it is that this process itself is kept from a socket.
 * @returns undefined if it is not, as far as can be seen
 */
export function ownProblem(path: string): string | undefined {
  const uid = process.getuid?.();
  const groups = process.getgroups?.() ?? [];
  try {
    const obstacles = groups.map((gid) => obstacleTo(path, { uid, gid }));
    const [obstacle] = obstacles;
    if (obstacle === undefined || obstacles.includes(undefined)) return undefined;
    return `this process is user ${uid} and group ${groups.join(', ')}, and ${described(obstacle)}`;
  } catch {
    return undefined;
  }
}

/** The first place on the way to a socket that does not let somebody through; those behind it are not looked at. */
function obstacleTo(path: string, who: Identity): Place | undefined {
  for (const place of placesTo(path))
    if (!allows(place, who, place.path === path ? WRITE : ENTER)) return place;
  return undefined;
}

function allows({ gid, mode, uid }: Place, who: Identity, bit: number): boolean {
  if (who.uid === ROOT) return true;
  if (who.uid === uid) return (mode & (bit << 6)) !== 0;
  if (who.gid === gid) return (mode & (bit << 3)) !== 0;
  return (mode & bit) !== 0;
}

function groupsThatMay(path: string, places: readonly Place[]): number[] {
  return distinct(places.map(({ gid }) => gid)).filter(
    (gid) => gid !== ROOT && obstacleTo(path, { uid: undefined, gid }) === undefined,
  );
}

/** Whether a socket could have the group of its folder, and has another one for want of one bit. */
function lacksSetgid(folder: Place, socket: Place): boolean {
  return folder.gid !== ROOT && folder.gid !== socket.gid && (folder.mode & SETGID) === 0;
}

function mendingOf(obstacle: Place, folder: Place, gid: number | undefined): string {
  // A folder above is somebody else's: only the way through it is wanted.
  if (obstacle.path !== folder.path && folder.path.startsWith(obstacle.path))
    return `chmod o+x ${obstacle.path} lets others pass`;
  return `${commandsFor(folder.path, `:${gid ?? 'GID'}`, gid)}, and start the agent anew`;
}

function commandsFor(folder: string, owner: string, gid: number | undefined): string {
  const notes = [
    'in a container: on the host, for the folder that is mounted there',
    gid === undefined && "GID: that of Kapacitor's group, by id -g kapacitor where it runs",
  ].filter((note) => note !== false);
  return `chown ${owner} ${folder} && chmod ${FOLDER_MODE} ${folder} mends it (${notes.join('; ')})`;
}

function described({ gid, mode, path, uid }: Place): string {
  const octal = (mode & 0o7777).toString(8).padStart(4, '0');
  return `${path} belongs to user ${uid} and group ${gid} with mode ${octal}`;
}

/** The folders above a socket from the root on, and the socket itself. */
function* placesTo(path: string): Generator<Place> {
  const above = dirname(path);
  if (above !== path) yield* placesTo(above);
  yield placeAt(path);
}

function placeAt(path: string): Place {
  return placeOf(path, statSync(path));
}

/** The folder, or the next one above it that there is. */
function nearestPlace(folder: string): Place | undefined {
  try {
    return placeAt(folder);
  } catch {
    return dirname(folder) === folder ? undefined : nearestPlace(dirname(folder));
  }
}

function placeOf(path: string, { gid, mode, uid }: Stats): Place {
  return { path, uid, gid, mode };
}

function distinct(ids: readonly number[]): number[] {
  return [...new Set(ids)];
}
