import { Connection } from '../../feed/targets/connection.ts';
import { InfluxTarget } from '../../feed/targets/influxdb.ts';
import { KapacitorTarget } from '../../feed/targets/kapacitor.ts';
import { StreamTarget } from '../../feed/targets/stream.ts';
import type { Target } from '../../feed/targets/target.ts';
import type { Io } from '../io.ts';
import type { TargetSettings } from './feed-settings.ts';

/** Makes the target that the settings describe. */
export function makeTarget(settings: TargetSettings, io: Io, report: (message: string) => void): Target {
  const onConnected = (what: string): void => report(`writing to ${what}`);
  switch (settings.kind) {
    case 'stdout':
      return new StreamTarget(io.stdout);
    case 'kapacitor':
      return new KapacitorTarget(new Connection(settings), { ...settings, onConnected });
    case 'influxdb':
      return new InfluxTarget(new Connection(settings), settings, onConnected);
  }
}
