import { Connection } from '../../feed/targets/connection.ts';
import { InfluxTarget } from '../../feed/targets/influxdb.ts';
import { KapacitorTarget } from '../../feed/targets/kapacitor.ts';
import { StreamTarget } from '../../feed/targets/stream.ts';
import type { Target, TargetEvents } from '../../feed/targets/target.ts';
import type { Io } from '../io.ts';
import type { TargetSettings } from './target-settings.ts';

/** Makes the target that the settings describe. */
export function makeTarget(settings: TargetSettings, io: Io, report: (message: string) => void): Target {
  const events: TargetEvents = { connected: (what) => report(`writing to ${what}`), note: report };
  switch (settings.kind) {
    case 'stdout':
      return new StreamTarget(io.stdout);
    case 'kapacitor':
      return new KapacitorTarget(new Connection(settings), settings, events);
    case 'influxdb':
      return new InfluxTarget(new Connection(settings), settings, events);
  }
}
