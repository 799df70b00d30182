import type {
  AboutAnswer,
  Edge,
  EdgesAnswer,
  IntervalsAnswer,
  NewNote,
  Note,
  NotesAnswer,
  SeriesAnswer,
  StatesAnswer,
  SummaryAnswer,
  Task,
  TasksAnswer,
} from '../api/schemas.ts';

/** What the server says against a request, as a sentence for people. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The API of the server that the page came from. */
export const api = {
  about: (signal?: AbortSignal) => ask<AboutAnswer>('about', undefined, { signal }),
  login: (token: string) => ask<null>('session', undefined, { method: 'POST', body: { token } }),
  series: (signal?: AbortSignal) => ask<SeriesAnswer>('series', undefined, { signal }),
  states: (params: URLSearchParams, signal: AbortSignal) => ask<StatesAnswer>('states', params, { signal }),
  intervals: (params: URLSearchParams, signal: AbortSignal) =>
    ask<IntervalsAnswer>('intervals', params, { signal }),
  summary: (params: URLSearchParams, signal: AbortSignal) =>
    ask<SummaryAnswer>('summary', params, { signal }),
  edges: (params: URLSearchParams, signal: AbortSignal) => ask<EdgesAnswer>('edges', params, { signal }),
  notes: (params: URLSearchParams, signal: AbortSignal) => ask<NotesAnswer>('notes', params, { signal }),
  addNote: (database: string, note: NewNote) =>
    ask<Note>('notes', new URLSearchParams({ database }), { method: 'POST', body: note }),
  removeNote: (database: string, id: string) =>
    ask<null>(`notes/${encodeURIComponent(id)}`, new URLSearchParams({ database }), { method: 'DELETE' }),
  tasks: (signal?: AbortSignal) => ask<TasksAnswer>('tasks', undefined, { signal }),
  changeTask: (id: string, action: 'enable' | 'disable' | 'revive') =>
    ask<Task>(`tasks/${encodeURIComponent(id)}/${action}`, undefined, { method: 'POST' }),
};

/** Where a request goes; relative, so that the page works behind any path of a proxy. */
export function apiUrl(path: string, params?: URLSearchParams): string {
  return `api/v1/${path}${params === undefined ? '' : `?${params}`}`;
}

interface Asking {
  readonly method?: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

async function ask<T>(path: string, params: URLSearchParams | undefined, asking: Asking): Promise<T> {
  const { body, method = 'GET', signal } = asking;
  let response: Response;
  try {
    response = await fetch(apiUrl(path, params), {
      method,
      credentials: 'same-origin',
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new RequestError(0, 'SERVER_AWAY', 'The server of this page does not answer. It is tried again.');
  }
  if (response.status === 204) return JSON.parse('null');
  const answer = await response.json().catch(() => undefined);
  if (response.ok && answer !== undefined) return answer;
  const detail =
    typeof answer?.detail === 'string' ? answer.detail : `The server answers with ${response.status}.`;
  throw new RequestError(response.status, String(answer?.code ?? ''), sentence(detail));
}

/** The API's texts begin small, as parts of a line of a log do. */
function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export interface LiveHandlers {
  onEdge(edge: Edge): void;
  /** Undefined once all is well. */
  onTrouble(detail: string | undefined): void;
}

/** Live edges, until the function returned is called. The browser connects again by itself. */
export function listen(params: URLSearchParams, handlers: LiveHandlers): () => void {
  const source = new EventSource(apiUrl('events', params));
  source.addEventListener('open', () => handlers.onTrouble(undefined));
  source.addEventListener('edge', (event) => handlers.onEdge(JSON.parse(event.data)));
  source.addEventListener('trouble', (event) => handlers.onTrouble(sentence(JSON.parse(event.data).detail)));
  source.addEventListener('fine', () => handlers.onTrouble(undefined));
  source.addEventListener('error', () => {
    if (source.readyState !== EventSource.OPEN)
      handlers.onTrouble('No live edges: the server is asked again.');
  });
  return () => source.close();
}
