import { useCallback, useEffect, useState } from 'preact/hooks';
import { rangeMs, type Settings } from './settings.ts';
import type { View } from './timeline-drawing.ts';

/** How often a view that ends now runs on. */
const RUN_MS = 5_000;

/** The part of time that is seen: what the address says; moved by hand it stays where it is, else it ends now. */
export function useView(settings: Settings): [View, (view: View) => void] {
  const initial = (): View => {
    const span = rangeMs(settings.range);
    if (span !== undefined) return { fromMs: Date.now() - span, toMs: Date.now() };
    const [fromMs, toMs] = [Date.parse(settings.from), Date.parse(settings.to)];
    if (fromMs < toMs) return { fromMs, toMs };
    return { fromMs: Date.now() - 86_400_000, toMs: Date.now() };
  };
  const [view, setView] = useState(initial);
  useEffect(() => setView(initial()), [settings.range, settings.from, settings.to]);
  useEffect(() => {
    if (settings.range === '') return;
    const timer = setInterval(() => {
      // Only where now is in sight: who looks at last week does not want to be moved.
      setView((before) => {
        const span = before.toMs - before.fromMs;
        return Math.abs(Date.now() - before.toMs) < Math.max(2 * RUN_MS, span / 50)
          ? { fromMs: Date.now() - span, toMs: Date.now() }
          : before;
      });
    }, RUN_MS);
    return () => clearInterval(timer);
  }, [settings.range]);
  const move = useCallback((next: View) => setView(next), []);
  return [view, move];
}
