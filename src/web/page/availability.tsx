import { useEffect, useState } from 'preact/hooks';
import type { SummaryAnswer } from '../api/schemas.ts';
import { api } from './api.ts';
import { formatSeconds, formatShare, groupKey, groupName } from './format.ts';
import { Scrolled } from './scrolled.tsx';
import { hasSeries, type Settings, seriesParams } from './settings.ts';
import { textOf } from './use-data.ts';

const MONTHS_BACK = '-365d';

/** Availability per group and month: a table that is asked for once it is opened. */
export function Availability({ settings }: { readonly settings: Settings }) {
  const [isOpen, setOpen] = useState(false);
  const [summary, setSummary] = useState<SummaryAnswer>();
  const [error, setError] = useState<string>();
  const key = `${seriesParams(settings)}${settings.up.join('\n')}${settings.stale}`;
  useEffect(() => {
    if (!isOpen || !hasSeries(settings) || settings.up.length === 0) return;
    const abort = new AbortController();
    const params = seriesParams(settings);
    params.set('from', MONTHS_BACK);
    params.set('by', 'month');
    params.set('zone', Intl.DateTimeFormat().resolvedOptions().timeZone);
    if (settings.stale !== '') params.set('stale', settings.stale);
    for (const value of settings.up) params.append('up', value);
    api.summary(params, abort.signal).then(
      (answer) => {
        setSummary(answer);
        setError(undefined);
      },
      (failure: unknown) => {
        if (!abort.signal.aborted) setError(textOf(failure));
      },
    );
    return () => abort.abort();
  }, [isOpen, key]);
  return (
    <details class="availability" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Availability by month</summary>
      {settings.up.length === 0 && <p class="empty">Choose under “up” which states count as available.</p>}
      {error !== undefined && (
        <p class="problem" role="alert">
          {error}
        </p>
      )}
      {settings.up.length > 0 && summary !== undefined && <MonthTable summary={summary} />}
    </details>
  );
}

function MonthTable({ summary }: { readonly summary: SummaryAnswer }) {
  const months = (summary.all.periods ?? []).map(({ from }) => from);
  return (
    <Scrolled title="Availability by month">
      <table>
        <thead>
          <tr>
            <th scope="col">Group</th>
            <th scope="col">Year</th>
            <th scope="col">Outages</th>
            <th scope="col">Longest</th>
            <th scope="col">Mean (MTTR)</th>
            <th scope="col">Between (MTBF)</th>
            {months.map((month) => (
              <th key={month} scope="col">
                {new Date(month).toLocaleDateString([], { month: 'short', year: '2-digit' })}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {summary.groups.map(({ availability, group, outages, periods }) => (
            <tr key={groupKey(group)}>
              <th scope="row">{groupName(group)}</th>
              <td>{share(availability)}</td>
              <td>{outages?.count ?? '–'}</td>
              <td>{duration(outages?.longestSeconds)}</td>
              <td>{duration(outages?.meanSeconds)}</td>
              <td>{duration(outages?.betweenSeconds)}</td>
              {(periods ?? []).map((period) => (
                <td key={period.from}>{share(period.availability)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolled>
  );
}

function share(value: number | null): string {
  return value === null ? '–' : formatShare(value);
}

function duration(seconds: number | null | undefined): string {
  return seconds === null || seconds === undefined ? '–' : formatSeconds(seconds);
}
