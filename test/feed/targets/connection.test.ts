import { createServer, type Server } from 'node:http';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Connection, type ConnectionOptions } from '../../../src/feed/targets/connection.ts';
import { proxyFor } from '../../../src/feed/targets/proxy.ts';
import { SetupError } from '../../../src/feed/targets/target.ts';
import { atEnd } from '../../support/at-end.ts';
import { RecordedServer } from '../../support/recorded-server.ts';
import { HAS_OPENSSL, makeIdentity } from '../../support/tls-identity.ts';

const PATIENT = new AbortController().signal;

async function serve(...args: Parameters<typeof RecordedServer.start>): Promise<RecordedServer> {
  const server = await RecordedServer.start(...args);
  atEnd(() => server[Symbol.asyncDispose]());
  return server;
}

async function statusOf(url: URL, options: Partial<ConnectionOptions> = {}): Promise<number> {
  const connection = new Connection({
    url,
    authorization: undefined,
    timeoutMs: 5_000,
    isCompressed: false,
    ...options,
  });
  try {
    return (await connection.request('GET', '/ping', '', PATIENT)).status;
  } finally {
    connection.close();
  }
}

function withHost(url: URL, hostname: string): URL {
  const other = new URL(url);
  other.hostname = hostname;
  return other;
}

/** A proxy that makes every tunnel to this machine, or answers with a status of its own. */
class TunnelProxy {
  readonly asked: { readonly to: string; readonly authorization: string | undefined }[] = [];
  readonly #server: Server;

  private constructor(status: number) {
    this.#server = createServer();
    this.#server.on('connect', (request, client: Socket) => {
      const { url: to = '', headers } = request;
      this.asked.push({ to, authorization: headers['proxy-authorization'] });
      client.on('error', () => {});
      if (status !== 200) return client.end(`HTTP/1.1 ${status} Not here\r\n\r\n`);
      const server = connect(Number(to.split(':').at(-1)), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Established\r\n\r\n');
        server.pipe(client).pipe(server);
      });
      server.on('error', () => client.destroy());
      return undefined;
    });
  }

  static async start(status = 200): Promise<TunnelProxy> {
    const proxy = new TunnelProxy(status);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    atEnd(() => new Promise((resolve) => proxy.#server.close(resolve)));
    return proxy;
  }

  get host(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
    return `127.0.0.1:${address.port}`;
  }
}

describe('Connection', () => {
  test('says http:// where https:// is asked of a port that speaks no TLS', async () => {
    const server = await serve(() => ({ status: 204 }));
    const url = new URL(`https://${server.url.host}/path`);
    const failure = statusOf(url);
    await expect(failure).rejects.toBeInstanceOf(SetupError);
    await expect(failure).rejects.toThrow(`${url.href} does not speak TLS: say http://${server.url.host}`);
  });

  test('says https:// where http:// is asked of a server that wants TLS', async () => {
    const body = 'Client sent an HTTP request to an HTTPS server.\n';
    const { url } = await serve(() => ({ status: 400, body }));
    await expect(statusOf(url)).rejects.toThrow(`${url.origin} speaks TLS only: say https://${url.host}`);
  });

  test('wonders about http:// where the handshake is broken off', async () => {
    const server = createTcpServer((socket) => socket.once('data', () => socket.destroy()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    atEnd(() => new Promise((resolve) => server.close(resolve)));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server does not listen');
    const failure = statusOf(new URL(`https://127.0.0.1:${address.port}`));
    await expect(failure).rejects.toThrow(/broke the connection off.*should it be http:\/\/\?/);
    await expect(failure).rejects.not.toBeInstanceOf(SetupError);
  });
});

describe.runIf(HAS_OPENSSL)('Connection over TLS', () => {
  const identity = HAS_OPENSSL ? makeIdentity() : undefined;

  test('refuses a certificate that nobody vouches for, and says what to do', async () => {
    const { url } = await serve(() => ({ status: 204 }), identity);
    const failure = statusOf(url);
    await expect(failure).rejects.toBeInstanceOf(SetupError);
    await expect(failure).rejects.toThrow(
      /can't be trusted: self-signed certificate \(DEPTH_ZERO_SELF_SIGNED_CERT\).*influxdbCa$/,
    );
    await expect(statusOf(url, { caSetting: 'kapacitorCa' })).rejects.toThrow(/kapacitorCa$/);
  });

  test('trusts the certificate that it is given, or any where it is told to', async () => {
    const { url } = await serve(() => ({ status: 204 }), identity);
    expect(await statusOf(url, { ca: identity?.cert })).toBe(204);
    expect(await statusOf(url, { isInsecure: true })).toBe(204);
  });

  test('refuses the name of another, whoever vouches for it', async () => {
    const { url } = await serve(() => ({ status: 204 }), identity);
    await expect(statusOf(withHost(url, 'localhost'), { ca: identity?.cert })).rejects.toThrow(
      /ERR_TLS_CERT_ALTNAME_INVALID/,
    );
  });

  test.each([
    ['HTTPS_PROXY', 'http://'],
    ['https_proxy', 'http://'],
    ['HTTPS_PROXY', ''],
  ])('goes through the proxy of %s, written with %j in front', async (variable, scheme) => {
    const { url } = await serve(() => ({ status: 204 }), identity);
    const proxy = await TunnelProxy.start();
    const environment = { [variable]: `${scheme}u:p@${proxy.host}` };
    const target = withHost(url, 'nas.test');
    expect(await statusOf(target, { ca: identity?.cert, environment })).toBe(204);
    expect(proxy.asked).toEqual([
      { to: `nas.test:${url.port}`, authorization: `Basic ${Buffer.from('u:p').toString('base64')}` },
    ]);
  });

  test.each([
    [
      'a server that speaks no TLS',
      { HTTPS_PROXY: 'http://127.0.0.1:1', HTTP_PROXY: 'http://127.0.0.1:1' },
      false,
    ],
    ['this machine', { HTTPS_PROXY: 'http://127.0.0.1:1' }, true],
  ])('goes to %s without the proxy', async (_what, environment, isTls) => {
    const { url } = await serve(() => ({ status: 204 }), isTls ? identity : undefined);
    expect(await statusOf(url, { isInsecure: true, environment })).toBe(204);
  });

  test('says what the proxy answered, and whose fault that is', async () => {
    const target = new URL('https://nas.test:8086');
    const denied = await TunnelProxy.start(407);
    const failure = statusOf(target, { environment: { HTTPS_PROXY: `http://u:secret@${denied.host}` } });
    await expect(failure).rejects.toBeInstanceOf(SetupError);
    await expect(failure).rejects.toThrow(
      `${target.origin} can't be reached: the proxy ${denied.host} answered 407 Not here; its user and password belong`,
    );
    await expect(failure).rejects.not.toThrow(/secret/);
    const broken = await TunnelProxy.start(502);
    const passing = statusOf(target, { environment: { HTTPS_PROXY: `http://${broken.host}` } });
    await expect(passing).rejects.toThrow(`the proxy ${broken.host} answered 502 Not here`);
    await expect(passing).rejects.not.toBeInstanceOf(SetupError);
  });

  test('says that it is the proxy that does not answer', async () => {
    const environment = { HTTPS_PROXY: 'http://127.0.0.1:1' };
    await expect(statusOf(new URL('https://nas.test:8086'), { environment })).rejects.toThrow(
      "https://nas.test:8086 can't be reached through the proxy 127.0.0.1:1: nothing listens there (ECONNREFUSED)",
    );
  });
});

describe('proxyFor', () => {
  const HTTPS_PROXY = 'http://proxy:3128';

  test.each([
    ['nas', undefined, true],
    ['nas', '', true],
    ['nas', '*', false],
    ['nas', 'nas', false],
    ['nas', 'other, nas', false],
    ['nas', 'NAS', false],
    ['nas.home.lan', 'home.lan', false],
    ['nas.home.lan', '.home.lan', false],
    ['nas.home.lan', '*.home.lan', false],
    ['nas.home.lan', 'lan.home', true],
    ['nashome.lan', 'home.lan', true],
    ['nas:8086', 'nas:8086', false],
    ['nas:8086', 'nas:8087', true],
    ['nas', 'nas:443', false],
    ['192.168.1.7', '192.168.1.7', false],
    ['192.168.1.7', '192.168.0.0/16', false],
    ['192.169.1.7', '192.168.0.0/16', true],
    ['192.168.1.7', '192.168.0.0/99', true],
    ['nas', '192.168.0.0/16', true],
    ['[fd00::7]:8086', 'fd00::7', false],
    ['[fd00::7]:8086', 'fd00::/8', false],
    ['[fd00::7]:8086', '[fd00::7]:8086', false],
    ['localhost:8086', undefined, false],
    ['127.0.0.1:8086', undefined, false],
    ['[::1]:8086', undefined, false],
  ])('of https://%s where NO_PROXY is %j', (host, noProxy, isUsed) => {
    const proxy = proxyFor(new URL(`https://${host}`), { HTTPS_PROXY, NO_PROXY: noProxy });
    expect(proxy?.href).toBe(isUsed ? `${HTTPS_PROXY}/` : undefined);
  });

  test.each(['socks5://u:secret@proxy:1080', 'http://', 'http://u:secret@', '://'])(
    'refuses %s without repeating it',
    (text) => {
      const attempt = (): unknown => proxyFor(new URL('https://nas'), { HTTPS_PROXY: text });
      expect(attempt).toThrow('HTTPS_PROXY is no proxy that can be used');
      expect(attempt).not.toThrow(/secret/);
    },
  );
});
