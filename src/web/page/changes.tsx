import type { Edge } from '../api/schemas.ts';
import { apiUrl } from './api.ts';
import type { Colours } from './colours.ts';
import { formatMoment, formatSeconds, groupName, valueText } from './format.ts';
import { Scrolled } from './scrolled.tsx';
import { type Settings, seriesParams } from './settings.ts';
import type { View } from './timeline-drawing.ts';

export interface ChangesProps {
  readonly edges: readonly Edge[];
  readonly settings: Settings;
  readonly view: View;
  readonly colours: Colours;
  onShow(ms: number): void;
  onPicture(): void;
}

/** The table of changes, newest first; each is a way back to its place in the timeline. */
export function Changes({ colours, edges, onPicture, onShow, settings, view }: ChangesProps) {
  const span = view.toMs - view.fromMs;
  const csv = seriesParams(settings);
  csv.set('from', new Date(view.fromMs).toISOString());
  csv.set('to', new Date(view.toMs).toISOString());
  csv.set('format', 'csv');
  return (
    <section class="changes" aria-labelledby="changes-title">
      <header>
        <h2 id="changes-title">Changes</h2>
        <span class="tools">
          <a class="tool" href={apiUrl('edges', csv)} download={`${settings.measurement}.csv`}>
            CSV
          </a>
          <button class="tool" type="button" onClick={onPicture}>
            PNG
          </button>
          <CopyLink />
        </span>
      </header>
      {edges.length === 0 ? (
        <p class="empty">No changes in this range. Zoom out, or choose a longer one.</p>
      ) : (
        <Scrolled title="Table of changes">
          <table>
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Group</th>
                <th scope="col">Change</th>
                <th scope="col">After</th>
              </tr>
            </thead>
            <tbody>
              {edges.map((edge) => (
                <tr key={`${edge.time}${groupName(edge.group)}`}>
                  <td>
                    <button
                      class="link"
                      type="button"
                      onClick={() => onShow(Date.parse(edge.time))}
                      title="Show it in the timeline"
                    >
                      {formatMoment(Date.parse(edge.time), Math.min(span, 86_400_000))}
                    </button>
                  </td>
                  <td>{groupName(edge.group)}</td>
                  <td>
                    {edge.previous !== null && (
                      <>
                        {valueText(edge.previous)} <span class="visually-hidden">to</span>
                        <span aria-hidden="true">→</span>{' '}
                      </>
                    )}
                    <span class="dot" style={{ background: colours.of(valueText(edge.value)) }} />
                    {valueText(edge.value)}
                  </td>
                  <td>{edge.lastedSeconds === null ? '–' : formatSeconds(edge.lastedSeconds)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolled>
      )}
    </section>
  );
}

function CopyLink() {
  const copy = (event: MouseEvent): void => {
    const button = event.currentTarget;
    void navigator.clipboard?.writeText(location.href).then(() => {
      if (!(button instanceof HTMLElement)) return;
      button.textContent = 'copied';
      setTimeout(() => {
        button.textContent = 'link';
      }, 1_500);
    });
  };
  return (
    <button class="tool" type="button" title="Copy the address of what is shown" onClick={copy}>
      link
    </button>
  );
}
