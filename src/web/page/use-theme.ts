import { useEffect, useState } from 'preact/hooks';
import type { Settings } from './settings.ts';

/** Whether the page is dark: as the settings say, else as the system is. */
export function useTheme({ theme }: Settings): boolean {
  const [prefersDark, setPrefersDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const onChange = (): void => setPrefersDark(query.matches);
    query.addEventListener('change', onChange);
    return () => query.removeEventListener('change', onChange);
  }, []);
  const isDark = theme === 'dark' || (theme === 'system' && prefersDark);
  useEffect(() => {
    document.documentElement.dataset.theme = isDark ? 'dark' : 'light';
  }, [isDark]);
  return isDark;
}
