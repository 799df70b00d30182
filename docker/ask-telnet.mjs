#!/usr/bin/env node
// Asks what knows telnet only, and prints all that it says:
//   ask-telnet HOST[:PORT] WAIT SAY [WAIT SAY]...
// Waits for a text, says a line, and so on; after the last line it prints until the other side hangs up, or for
// ASK_TELNET_LINGER_MS (2000). A line that is $NAME is what that variable holds: no `ps` shows a password then.
//   SSHPASS=… ask-telnet router1 'Login:' admin 'Password:' '$SSHPASS' '>' 'xdslctl info' '>' exit
import { connect } from 'node:net';

const [IAC, DONT, DO, WONT, WILL, SB, SE] = [255, 254, 253, 252, 251, 250, 240];
const [place = '', ...script] = process.argv.slice(2);
if (place === '' || script.length === 0 || script.length % 2 !== 0) {
  process.stderr.write('usage: ask-telnet HOST[:PORT] WAIT SAY [WAIT SAY]...\n');
  process.exit(2);
}
const [, host, port = '23'] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(place);
const steps = [];
for (let at = 0; at < script.length; at += 2) steps.push({ wait: script[at], say: lineOf(script[at + 1]) });

let heard = '';
let bytes = Buffer.alloc(0);
const socket = connect({ host, port: Number(port) });
socket.on('data', (chunk) => {
  bytes = Buffer.concat([bytes, chunk]);
  const text = withoutCommands();
  process.stdout.write(text, 'latin1');
  heard += text;
  answer();
});
socket.on('error', (error) => {
  process.stderr.write(`ask-telnet: ${place}: ${error.message}\n`);
  process.exitCode = 1;
});
socket.on('close', () => {
  if (steps.length === 0 || process.exitCode === 1) return;
  process.stderr.write(`ask-telnet: ${place} hung up before it said '${steps[0].wait}'\n`);
  process.exitCode = 1;
});

/** Says the next line as soon as what it waits for has been heard, after the line before. */
function answer() {
  const [step] = steps;
  const at = step === undefined ? -1 : heard.indexOf(step.wait);
  if (at < 0) return;
  heard = heard.slice(at + step.wait.length);
  steps.shift();
  socket.write(`${step.say}\r\n`, 'latin1');
  if (steps.length > 0) answer();
  else setTimeout(() => socket.end(), Number(process.env.ASK_TELNET_LINGER_MS ?? 2000)).unref();
}

/** Takes telnet's commands out of what came, and refuses whatever they ask for. */
function withoutCommands() {
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] !== IAC) text += String.fromCharCode(bytes[at++]);
    else if (bytes[at + 1] === IAC) {
      text += '\xff';
      at += 2;
    } else {
      const end = commandEnd(at);
      if (end === undefined) break;
      const [, verb, option] = bytes.subarray(at, end);
      if (verb === DO) socket.write(Buffer.from([IAC, WONT, option]));
      if (verb === WILL) socket.write(Buffer.from([IAC, DONT, option]));
      at = end;
    }
  }
  bytes = bytes.subarray(at);
  return text;
}

/** Where a command ends; undefined if its end has not come yet. */
function commandEnd(at) {
  const verb = bytes[at + 1];
  if (verb === undefined) return undefined;
  if (verb === SB) {
    const end = bytes.indexOf(Buffer.from([IAC, SE]), at);
    return end < 0 ? undefined : end + 2;
  }
  const end = at + (verb >= WILL ? 3 : 2);
  return end > bytes.length ? undefined : end;
}

function lineOf(text) {
  const name = /^\$(\w+)$/.exec(text)?.[1];
  if (name === undefined) return text;
  const value = process.env[name];
  if (value !== undefined) return value;
  process.stderr.write(`ask-telnet: there is no variable ${name}\n`);
  process.exit(2);
}
