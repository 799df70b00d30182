import type { SeriesAnswer } from '../api/schemas.ts';
import { hasSeries, type Settings } from './settings.ts';

interface AdviceProps {
  readonly series: SeriesAnswer['series'];
  readonly settings: Settings;
  readonly rows: number;
  readonly shown: number;
  readonly isLoading: boolean;
  readonly hasError: boolean;
}

/** What is empty says what to do next. */
export function Advice({ hasError, isLoading, rows, series, settings, shown }: AdviceProps) {
  if (hasError) return null;
  if (series.length === 0)
    return (
      <p class="empty">
        There is no measurement with states in this InfluxDB yet. Write some, for instance by{' '}
        <code>edge-detect feed --simulate adsl --influxdb URL --database telegraf</code>, and load this page
        again.
      </p>
    );
  if (!hasSeries(settings)) return <p class="empty">Choose a series above.</p>;
  if (rows === 0)
    return (
      <p class="empty">
        {isLoading ? 'Loading…' : 'No points in this series. Is it written to, and is it the right database?'}
      </p>
    );
  if (shown === 0) return <p class="empty">No group has “{settings.filter}” in its name or state.</p>;
  return null;
}
