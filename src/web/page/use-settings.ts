import { useCallback, useEffect, useState } from 'preact/hooks';
import type { SeriesAnswer } from '../api/schemas.ts';
import { seriesSettings } from './header.tsx';
import { hasSeries, readSettings, type Settings, writeSettings } from './settings.ts';

/** The settings in the address; a page without any shows the first series that there is. */
export function useSettings(
  series: SeriesAnswer['series'],
): [Settings, (changed: Partial<Settings>) => void] {
  const [settings, setSettings] = useState(() => {
    const read = readSettings(location.search);
    const [first] = series.filter(({ measurement }) => /edge|state/.test(measurement)).concat(series);
    return hasSeries(read) || first === undefined ? read : { ...read, ...seriesSettings(first), up: read.up };
  });
  const change = useCallback(
    (changed: Partial<Settings>) => setSettings((before) => ({ ...before, ...changed })),
    [],
  );
  useEffect(() => {
    history.replaceState(null, '', writeSettings(settings));
  }, [settings]);
  useEffect(() => {
    const onPopState = (): void => setSettings(readSettings(location.search));
    addEventListener('popstate', onPopState);
    return () => removeEventListener('popstate', onPopState);
  }, []);
  return [settings, change];
}
