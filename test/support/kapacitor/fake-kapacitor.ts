import { type RecordedRequest, RecordedServer, type Reply } from '../recorded-server.ts';

/** A task as the stand-in keeps it. */
export interface FakeTask {
  status: 'enabled' | 'disabled';
  executing: boolean;
  error: string;
  modified: string;
  /** Changes with every start. */
  execution: string;
}

/** What a test may have the stand-in do besides; each is called after the request has had its effect. */
export interface FakeBehaviour {
  /** A task was started: the moment to connect. */
  started?(id: string): void;
  /** A task was stopped. By default it says at once why it ended. */
  stopped?(id: string, task: FakeTask): void;
  /** An answer of the test's own, in place of everything else; `hang` for none. */
  answer?(request: RecordedRequest): Reply | 'hang' | undefined;
}

const BASE = '/kapacitor/v1';

/**
 * A stand-in for Kapacitor's HTTP API over real HTTP, for what a real one does only in rare moments. Tasks have one node,
 * `edgeDetect2`.
 */
export class FakeKapacitor implements AsyncDisposable {
  readonly tasks = new Map<string, FakeTask>();
  behaviour: FakeBehaviour = {};
  /** Every status that was asked for, as `id status`. */
  readonly patches: string[] = [];
  /** Since when it says that it has been running; undefined: it does not say. */
  startedMs: number | undefined;
  #starts = 0;
  #changes = 0;
  #server: RecordedServer | undefined;

  static async start(): Promise<FakeKapacitor> {
    const fake = new FakeKapacitor();
    fake.#server = await RecordedServer.start((request) => fake.#answer(request));
    return fake;
  }

  get url(): URL {
    return this.#running.url;
  }

  get requests(): readonly RecordedRequest[] {
    return this.#running.requests;
  }

  get #running(): RecordedServer {
    if (this.#server === undefined) throw new Error('the stand-in was not started');
    return this.#server;
  }

  /** Defines a task that is enabled and executing. */
  define(id: string, changes: Partial<FakeTask> = {}): FakeTask {
    const task: FakeTask = {
      status: 'enabled',
      executing: true,
      error: '',
      modified: this.#stamp(),
      execution: this.#execution(),
      ...changes,
    };
    this.tasks.set(id, task);
    return task;
  }

  /** Starts all that are enabled anew, as a restart does. */
  restart(): void {
    for (const task of this.tasks.values()) task.execution = this.#execution();
  }

  /** What a person does. */
  setStatus(id: string, status: 'enabled' | 'disabled'): void {
    const task = this.tasks.get(id);
    if (task === undefined) throw new Error(`no task ${id}`);
    const hasChanged = task.status !== status;
    task.status = status;
    task.modified = this.#stamp();
    if (!hasChanged) return;
    task.executing = status === 'enabled';
    if (task.executing) {
      task.error = '';
      task.execution = this.#execution();
      this.behaviour.started?.(id);
    } else if (this.behaviour.stopped !== undefined) this.behaviour.stopped(id, task);
    else task.error ||= 'edgeDetect2: stopping UDF server: node aborted';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }

  #execution(): string {
    return `execution-${++this.#starts}`;
  }

  #stamp(): string {
    return new Date(Date.UTC(2026, 0, 1) + ++this.#changes).toISOString();
  }

  #answer(request: RecordedRequest): Reply | undefined {
    const own = this.behaviour.answer?.(request);
    if (own !== undefined) return own === 'hang' ? undefined : own;
    const { method, url, body } = request;
    const path = url.pathname.replace(BASE, '');
    if (method === 'GET' && path === '/tasks') return json(200, { tasks: this.#list(url.searchParams) });
    if (method === 'GET' && path === '/debug/vars')
      return json(200, { kapacitor: this.#statistics(), ...this.#memory() });
    const id = decodeURIComponent(path.replace('/tasks/', ''));
    const task = this.tasks.get(id);
    if (method !== 'PATCH' || task === undefined)
      return json(404, { error: 'task does not exist, cannot update' });
    const change: { status: 'enabled' | 'disabled' } = JSON.parse(body);
    this.patches.push(`${id} ${change.status}`);
    this.setStatus(id, change.status);
    return json(200, described(id, task));
  }

  #list(params: URLSearchParams): object[] {
    const pattern = params.get('pattern') ?? '';
    const offset = Number(params.get('offset') ?? 0);
    return [...this.tasks]
      .filter(([id]) => pattern === '' || id === pattern)
      .slice(offset, offset + Number(params.get('limit') ?? 100))
      .map(([id, task]) => described(id, task));
  }

  #memory(): object {
    return this.startedMs === undefined ? {} : { memstats: { PauseEnd: [0, this.startedMs * 1_000_000] } };
  }

  #statistics(): object {
    const executing = [...this.tasks].filter(([, task]) => task.executing);
    return Object.fromEntries(
      executing.map(([id, task]) => [
        task.execution,
        { name: 'nodes', tags: { task: id, node: 'edgeDetect2', kind: 'edgeDetect' }, values: {} },
      ]),
    );
  }
}

function described(id: string, task: FakeTask): object {
  const { error, executing, modified, status } = task;
  return { id, error, executing, modified, status, 'last-enabled': modified };
}

function json(status: number, value: object): Reply {
  return { status, body: JSON.stringify(value) };
}
