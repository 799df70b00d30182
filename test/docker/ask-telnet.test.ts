import { execFile } from 'node:child_process';
import { createServer, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { atEnd } from '../support/at-end.ts';

const run = promisify(execFile);
const [IAC, DO, WILL, WONT, DONT, SB, SE] = [255, 253, 251, 252, 254, 250, 240];

/** A device that wants a login, negotiates in the middle of its words, and keeps what it was told. */
async function device(password: string): Promise<{ place: string; told: Buffer[] }> {
  const told: Buffer[] = [];
  const server = createServer((socket: Socket) => {
    let step = 0;
    socket.on('error', () => {});
    socket.write(Buffer.from([IAC, DO, 24, IAC, WILL, 1, ...Buffer.from('Welcome\r\nLog')]));
    socket.write(Buffer.from([...Buffer.from('in: '), IAC]));
    socket.write(Buffer.from([SB, 24, 1, IAC, SE]));
    socket.on('data', (chunk) => {
      told.push(chunk);
      for (const line of chunk.toString('latin1').match(/[ -~]+(?=\r\n)/g) ?? []) {
        step++;
        if (step === 1) socket.write('Password: ');
        else if (step === 2) line === password ? socket.write('\r\n> ') : socket.end('Login incorrect\r\n');
        else if (line === 'status') socket.write('Status: Showtime\r\n> ');
        else if (line === 'exit') socket.end();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => new Promise((resolve) => server.close(resolve)));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the device does not listen');
  return { place: `127.0.0.1:${address.port}`, told };
}

function ask(place: string, ...script: string[]): Promise<{ stdout: string; stderr: string }> {
  const env = { ...process.env, SSHPASS: 'secret', ASK_TELNET_LINGER_MS: '100' };
  return run(process.execPath, ['docker/ask-telnet.mjs', place, ...script], { env });
}

test('ask-telnet says each line when it was asked for, and prints what the device says', async () => {
  const { place, told } = await device('secret');
  const { stdout } = await ask(place, 'Login:', 'admin', 'Password:', '$SSHPASS', '>', 'status', '>', 'exit');
  expect(stdout).toBe('Welcome\r\nLogin: Password: \r\n> Status: Showtime\r\n> ');
  // Nothing that was asked for is granted.
  const bytes = Buffer.concat(told);
  expect(bytes.includes(Buffer.from([IAC, WONT, 24]))).toBe(true);
  expect(bytes.includes(Buffer.from([IAC, DONT, 1]))).toBe(true);
});

test('ask-telnet fails where the device hangs up, or nobody is there, and says so', async () => {
  const { place } = await device('another');
  await expect(ask(place, 'Login:', 'admin', 'Password:', '$SSHPASS', '>', 'status')).rejects.toMatchObject({
    code: 1,
    stderr: `ask-telnet: ${place} hung up before it said '>'\n`,
  });
  await expect(ask('127.0.0.1:1', 'Login:', 'x')).rejects.toMatchObject({ code: 1 });
  await expect(ask('127.0.0.1:1', 'Login:')).rejects.toMatchObject({ code: 2 });
  await expect(ask('127.0.0.1:1', 'Login:', '$NO_SUCH_VARIABLE')).rejects.toMatchObject({ code: 2 });
});
