import { Connection } from '../../feed/targets/connection.ts';
import { InfluxTarget } from '../../feed/targets/influxdb.ts';
import { KapacitorTarget } from '../../feed/targets/kapacitor.ts';
import { PlacedTarget } from '../../feed/targets/placed.ts';
import { StreamTarget } from '../../feed/targets/stream.ts';
import type { Target, TargetEvents } from '../../feed/targets/target.ts';
import type { Io } from '../io.ts';
import type { TargetSettings } from './target-settings.ts';

/** Whether points are written to where each of them says that it belongs. */
export function isPlaced(settings: TargetSettings): boolean {
  if (settings.kind === 'influxdb') return settings.database === undefined && settings.bucket === undefined;
  return settings.kind === 'kapacitor' && settings.database === undefined;
}

/** Makes the target that the settings describe. */
export function makeTarget(settings: TargetSettings, io: Io, report: (message: string) => void): Target {
  if (settings.kind === 'stdout') return new StreamTarget(io.stdout);
  if (!isPlaced(settings)) return makeServer(settings, eventsTo(report));
  const name = `${settings.kind === 'influxdb' ? 'InfluxDB' : 'Kapacitor'} at ${settings.url.origin}`;
  return new PlacedTarget(name, ({ database, retentionPolicy }) =>
    makeServer(
      { ...settings, database, retentionPolicy: settings.retentionPolicy ?? (retentionPolicy || undefined) },
      eventsTo(report, `, database ${database}`),
    ),
  );
}

function makeServer(settings: Exclude<TargetSettings, { kind: 'stdout' }>, events: TargetEvents): Target {
  if (settings.kind === 'influxdb') return new InfluxTarget(new Connection(settings), settings, events);
  const { database = '', retentionPolicy = 'autogen' } = settings;
  return new KapacitorTarget(new Connection(settings), { database, retentionPolicy }, events);
}

function eventsTo(report: (message: string) => void, where = ''): TargetEvents {
  return { connected: (what) => report(`writing to ${what}${where}`), note: report };
}
