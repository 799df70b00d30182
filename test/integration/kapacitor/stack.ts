import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, inject } from 'vitest';
import { type AgentProcess, startAgentProcess } from '../../support/agent/agent-process.ts';
import { atEnd } from '../../support/at-end.ts';
import { ADMIN, type InfluxServer, startInfluxDb } from '../../support/influxdb/influxdb.ts';
import { Collector } from '../../support/kapacitor/collector.ts';
import { Kapacitor, type KapacitorOptions } from '../../support/kapacitor/kapacitor.ts';
import type { Servers } from './servers.ts';

/** A `describe` whose tests count as skipped where there is no Kapacitor. */
export const describeWithKapacitor = describe.skipIf(inject('servers') === undefined);

function servers(): Servers {
  const found = inject('servers');
  if (found === undefined) throw new Error('no Kapacitor to test with');
  return found;
}

/** An agent, a Kapacitor with its functions, and a place where tasks send points; gone after the test. */
export interface Stack {
  readonly agent: AgentProcess;
  readonly kapacitor: Kapacitor;
  readonly collector: Collector;
}

export async function startStack(options: Partial<KapacitorOptions> = {}): Promise<Stack> {
  const folder = socketFolder();
  const collector = await startCollector();
  const agent = await startAgent(folder);
  return { agent, collector, kapacitor: await startKapacitor(folder, options) };
}

export function socketFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'edge-kapacitor-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function startCollector(): Promise<Collector> {
  const collector = await Collector.start();
  atEnd(() => collector[Symbol.asyncDispose]());
  return collector;
}

/** @param args for `serve` */
export async function startAgent(folder: string, args: readonly string[] = []): Promise<AgentProcess> {
  const agent = await startAgentProcess({ folder, args });
  atEnd(() => agent.stop());
  return agent;
}

export async function startKapacitor(
  folder: string,
  options: Partial<KapacitorOptions> = {},
): Promise<Kapacitor> {
  const kapacitor = await Kapacitor.start(servers().kapacitor, { socketFolder: folder, ...options });
  atEnd(() => kapacitor[Symbol.asyncDispose]());
  return kapacitor;
}

/** A Kapacitor that does not run yet. */
export async function prepareKapacitor(
  folder: string,
  options: Partial<KapacitorOptions> = {},
): Promise<Kapacitor> {
  const kapacitor = await Kapacitor.prepare(servers().kapacitor, { socketFolder: folder, ...options });
  atEnd(() => kapacitor[Symbol.asyncDispose]());
  return kapacitor;
}

/** An InfluxDB with the database `telegraf`. */
export async function startInflux(): Promise<InfluxServer> {
  const influxDb = await startInfluxDb(servers().influxDb);
  atEnd(() => influxDb[Symbol.asyncDispose]());
  await influxDb.create('telegraf');
  return influxDb;
}

/** Puts points where batch tasks find them. */
export async function store(influxDb: InfluxServer, lines: readonly string[]): Promise<void> {
  const query = new URLSearchParams({ db: 'telegraf', precision: 'ns', u: ADMIN.user, p: ADMIN.password });
  const response = await fetch(`${influxDb.url}/write?${query}`, { method: 'POST', body: lines.join('\n') });
  if (!response.ok) throw new Error(await response.text());
}

/** What a Kapacitor needs to know of it. */
export function accessTo(influxDb: InfluxServer): NonNullable<KapacitorOptions['influxDb']> {
  return { url: influxDb.url, user: ADMIN.user, password: ADMIN.password };
}
