import type { WebApp } from '../context.ts';

/** Tells an address that is there, but not for some method, from one that is not there at all. */
export class KnownAddresses {
  readonly #methods = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();

  /** To be made before the routes are. */
  constructor(app: WebApp) {
    app.addHook('onRoute', ({ method, url }) => {
      if (url.includes('*')) return;
      const known = this.#methods.get(url) ?? { pattern: patternOf(url), methods: new Set() };
      this.#methods.set(url, known);
      for (const each of [method].flat()) known.methods.add(each);
    });
  }

  /** The methods of an address; empty if it is not there. */
  methodsOf(path: string): string[] {
    for (const { methods, pattern } of this.#methods.values()) if (pattern.test(path)) return [...methods];
    return [];
  }
}

function patternOf(url: string): RegExp {
  const parts = url
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')));
  return new RegExp(`^${parts.join('/')}$`);
}
