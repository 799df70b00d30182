import type { Colours } from './colours.ts';

export interface LegendProps {
  readonly colours: Colours;
  readonly mayWrite: boolean;
  readonly isEmbedded: boolean;
  onMark(): void;
}

/** Which colour is which state. */
export function Legend({ colours, isEmbedded, mayWrite, onMark }: LegendProps) {
  return (
    <div class="legend">
      <ul>
        {colours.values.map((value) => (
          <li key={value}>
            <span class="swatch" style={{ background: colours.of(value) }} /> {value}
          </li>
        ))}
        <li>
          <span class="swatch unknown" /> unknown
        </li>
        <li>
          <span class="swatch maintenance" /> maintenance
        </li>
      </ul>
      {!isEmbedded && (
        <p class="hint">
          Wheel zooms, dragging moves{mayWrite && ', Shift and dragging marks a range for a note'}.{' '}
          {mayWrite && (
            <button class="tool" type="button" onClick={onMark}>
              add a note
            </button>
          )}
        </p>
      )}
    </div>
  );
}
