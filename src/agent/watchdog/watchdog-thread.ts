import { write } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import { workerData } from 'node:worker_threads';
import { lookEveryMs, StallJudge } from './stall-judge.ts';
import { BEATS, IS_DEBUGGED, type WatchdogData } from './watchdog.ts';

// The watching thread. It may share nothing with the watched one that could be held up by it: no logger, no
// process.stdout, no message.

/** How long writing why may take: whoever reads standard error may be what holds the process up. */
const WRITE_MS = 500;
/** How long after the signal the process must still be there to count as immune to it. */
const DEATH_MS = 250;

const { limitMs, shared }: WatchdogData = workerData;
const judge = new StallJudge(limitMs, performance.now());
const looks = setInterval(look, lookEveryMs(limitMs));

function look(): void {
  const beats = Atomics.load(shared, BEATS);
  const verdict = judge.look(performance.now(), beats);
  // Who halts at a breakpoint does not want to lose the process.
  if (verdict !== 'stalled' || Atomics.load(shared, IS_DEBUGGED) !== 0) return;
  clearInterval(looks);
  const line = JSON.stringify({
    level: 'fatal',
    time: new Date().toISOString(),
    stalledMs: Math.round(judge.stillMs),
    watchdogMs: limitMs,
    msg: 'the event loop stands still: the process is killed, since an agent that hangs can freeze Kapacitor; whatever started it should start it again',
  });
  write(2, `${line}\n`, kill);
  setTimeout(kill, WRITE_MS);
}

function kill(): void {
  process.kill(process.pid, 'SIGKILL');
  setTimeout(trap, DEATH_MS);
}

/**
 * The system spares the first process of a container the signals that come from inside, SIGKILL too, but not what it
 * does to itself: a trap ends it all the same. A thread has no supported way to do that (process.abort is refused).
 */
function trap(): void {
  setFlagsFromString('--allow-natives-syntax');
  runInThisContext('%SystemBreak()');
}
