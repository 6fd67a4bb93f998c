import { useEffect, useState } from 'preact/hooks';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEY = 'bellows-theme';
const DARK = '(prefers-color-scheme: dark)';

/** What was chosen the last time; a browser that keeps nothing follows the system. */
export function storedTheme(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return THEMES.find((theme) => theme === kept) ?? 'system';
  } catch {
    return 'system';
  }
}

/** The choice, what it looks like now, and how to choose another. */
export function useTheme(): { readonly chosen: Theme; readonly shown: 'light' | 'dark'; readonly choose: (theme: Theme) => void } {
  const [chosen, setChosen] = useState(storedTheme);
  const [isDark, setDark] = useState(() => matchMedia(DARK).matches);
  useEffect(() => {
    const system = matchMedia(DARK);
    const onChange = () => setDark(system.matches);
    system.addEventListener('change', onChange);
    return () => system.removeEventListener('change', onChange);
  }, []);
  const choose = (theme: Theme) => {
    applyTheme(theme);
    setChosen(theme);
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // chosen for as long as the page stands
    }
  };
  return { chosen, shown: chosen === 'system' ? (isDark ? 'dark' : 'light') : chosen, choose };
}

export function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
}
