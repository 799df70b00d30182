import { useEffect, useRef } from 'preact/hooks';
import type { View } from './timeline-drawing.ts';

export interface Gestures {
  readonly view: View;
  readonly width: number;
  onView(view: View): void;
  onMark(marked: View | undefined): void;
  onHover(x: number | undefined, y: number | undefined): void;
}

const MIN_SPAN_MS = 1_000;
const MAX_SPAN_MS = 20 * 365 * 86_400_000;
/** How much a notch of a wheel zooms. */
const WHEEL_FACTOR = 1.0015;

/**
 * What a pointer does to a view: dragging moves it, the wheel and two fingers zoom, dragging with Shift marks a range.
 */
export function useGestures(element: { readonly current: HTMLElement | null }, gestures: Gestures): void {
  const latest = useRef(gestures);
  latest.current = gestures;
  useEffect(() => {
    const target = element.current;
    if (target === null) return;
    const listeners = new GestureListeners(target, latest);
    return () => listeners.remove();
  }, []);
}

class GestureListeners {
  readonly #target: HTMLElement;
  readonly #latest: { readonly current: Gestures };
  readonly #pointers = new Map<number, number>();
  readonly #abort = new AbortController();
  #start: { readonly view: View; readonly xs: readonly number[] } | undefined;
  #markFromMs: number | undefined;

  constructor(target: HTMLElement, latest: { readonly current: Gestures }) {
    this.#target = target;
    this.#latest = latest;
    const { signal } = this.#abort;
    target.addEventListener('pointerdown', (event) => this.#down(event), { signal });
    target.addEventListener('pointermove', (event) => this.#move(event), { signal });
    target.addEventListener('pointerup', (event) => this.#up(event), { signal });
    target.addEventListener('pointercancel', (event) => this.#up(event), { signal });
    target.addEventListener('pointerleave', () => this.#latest.current.onHover(undefined, undefined), {
      signal,
    });
    target.addEventListener('wheel', (event) => this.#wheel(event), { signal, passive: false });
  }

  remove(): void {
    this.#abort.abort();
  }

  #x(event: MouseEvent): number {
    return event.clientX - this.#target.getBoundingClientRect().left;
  }

  #ms(x: number): number {
    const { view, width } = this.#latest.current;
    return view.fromMs + (x / width) * (view.toMs - view.fromMs);
  }

  #down(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.#target.setPointerCapture(event.pointerId);
    const x = this.#x(event);
    this.#pointers.set(event.pointerId, x);
    if (event.shiftKey) this.#markFromMs = this.#ms(x);
    else this.#begin();
  }

  /** From here on the view follows the pointers. */
  #begin(): void {
    const { view } = this.#latest.current;
    this.#start = { view, xs: [...this.#pointers.values()] };
  }

  #move(event: PointerEvent): void {
    const x = this.#x(event);
    const y = event.clientY - this.#target.getBoundingClientRect().top;
    if (!this.#pointers.has(event.pointerId)) {
      this.#latest.current.onHover(x, y);
      return;
    }
    this.#pointers.set(event.pointerId, x);
    if (this.#markFromMs !== undefined) {
      const ms = this.#ms(x);
      this.#latest.current.onMark({
        fromMs: Math.min(ms, this.#markFromMs),
        toMs: Math.max(ms, this.#markFromMs),
      });
      return;
    }
    if (this.#start === undefined) return;
    const { onView, width } = this.#latest.current;
    const { view, xs } = this.#start;
    const span = view.toMs - view.fromMs;
    const now = [...this.#pointers.values()];
    const [a = 0, b] = xs;
    const [c = 0, d] = now;
    if (b === undefined || d === undefined) {
      const shift = ((a - c) / width) * span;
      onView({ fromMs: view.fromMs + shift, toMs: view.toMs + shift });
      return;
    }
    // Two fingers: what was under each stays under it.
    const factor = Math.max(1, Math.abs(b - a)) / Math.max(1, Math.abs(d - c));
    const anchor = view.fromMs + ((a + b) / 2 / width) * span;
    const nextSpan = clampSpan(span * factor);
    const fromMs = anchor - ((c + d) / 2 / width) * nextSpan;
    onView({ fromMs, toMs: fromMs + nextSpan });
  }

  #up(event: PointerEvent): void {
    this.#pointers.delete(event.pointerId);
    this.#markFromMs = undefined;
    this.#start = undefined;
    if (this.#pointers.size > 0) this.#begin();
  }

  #wheel(event: WheelEvent): void {
    const { onView, view, width } = this.#latest.current;
    const span = view.toMs - view.fromMs;
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const shift = ((event.deltaX || event.deltaY) / width) * span;
      onView({ fromMs: view.fromMs + shift, toMs: view.toMs + shift });
      return;
    }
    const x = this.#x(event);
    const ms = this.#ms(x);
    const nextSpan = clampSpan(span * WHEEL_FACTOR ** event.deltaY);
    const fromMs = ms - (x / width) * nextSpan;
    onView({ fromMs, toMs: fromMs + nextSpan });
  }
}

function clampSpan(span: number): number {
  return Math.max(MIN_SPAN_MS, Math.min(MAX_SPAN_MS, span));
}
