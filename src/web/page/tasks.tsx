import { useEffect, useState } from 'preact/hooks';
import type { AboutAnswer, Task } from '../api/schemas.ts';
import { api } from './api.ts';
import { Confirmation } from './dialog.tsx';
import { textOf } from './use-data.ts';

const LOOK_MS = 5_000;

type Action = 'enable' | 'disable' | 'revive';

const WARNINGS: Readonly<Record<Action, string>> = {
  enable: 'Kapacitor starts it, with the state of its last snapshot.',
  disable: 'Kapacitor stops it: no edges and no alerts come until somebody enables it again.',
  revive: 'It is disabled and enabled again, which is what a task needs whose agent was lost.',
};

/** Kapacitor's tasks that use a function of the agent, and what is wrong with them. */
export function Tasks({ about }: { readonly about: AboutAnswer }) {
  const [tasks, setTasks] = useState<readonly Task[]>();
  const [error, setError] = useState<string>();
  const [asked, setAsked] = useState<{ readonly task: Task; readonly action: Action }>();
  const mayChange = about.scope === 'admin';
  useEffect(() => {
    if (!about.kapacitor) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      try {
        setTasks((await api.tasks(abort.signal)).tasks);
        setError(undefined);
      } catch (failure) {
        if (!abort.signal.aborted) setError(textOf(failure));
      }
      if (!abort.signal.aborted) timer = setTimeout(look, LOOK_MS);
    };
    void look();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [about.kapacitor]);
  if (!about.kapacitor) return null;
  const change = async (): Promise<void> => {
    if (asked === undefined) return;
    setAsked(undefined);
    try {
      const changed = await api.changeTask(asked.task.id, asked.action);
      setTasks((before) => before?.map((task) => (task.id === changed.id ? changed : task)));
    } catch (failure) {
      setError(textOf(failure));
    }
  };
  return (
    <section class="tasks" aria-labelledby="tasks-title">
      <header>
        <h2 id="tasks-title">Tasks</h2>
      </header>
      {error !== undefined && (
        <p class="problem" role="alert">
          {error}
        </p>
      )}
      {tasks?.length === 0 && <p class="empty">No task of Kapacitor calls a function of this agent yet.</p>}
      <ul>
        {tasks?.map((task) => (
          <li key={task.id}>
            <span class={`dot task-${conditionOf(task)}`} />
            <strong>{task.id}</strong> <span class="condition">{textOfTask(task)}</span>
            {mayChange && (
              <span class="tools">
                {actionsOf(task).map((action) => (
                  <button key={action} class="tool" type="button" onClick={() => setAsked({ task, action })}>
                    {action}
                  </button>
                ))}
              </span>
            )}
          </li>
        ))}
      </ul>
      {asked !== undefined && (
        <Confirmation
          title={`${asked.action} ${asked.task.id}?`}
          text={WARNINGS[asked.action]}
          action={asked.action}
          onDone={(isConfirmed) => (isConfirmed ? void change() : setAsked(undefined))}
        />
      )}
    </section>
  );
}

function conditionOf(task: Task): 'fine' | 'off' | 'failed' {
  if (task.status === 'disabled') return 'off';
  return task.executing && task.error === '' ? 'fine' : 'failed';
}

function textOfTask(task: Task): string {
  if (task.status === 'disabled') return 'disabled';
  if (!task.executing) return `failed: ${task.error === '' ? task.reason : task.error}`;
  const rate = task.pointsPerSecond === null ? '' : ` · ${rounded(task.pointsPerSecond)} points/s`;
  const edges = task.edges === null ? '' : ` · ${task.edges} edges`;
  return `executing${rate}${edges}`;
}

function rounded(rate: number): string {
  return rate >= 10 ? String(Math.round(rate)) : rate.toFixed(1);
}

function actionsOf(task: Task): Action[] {
  if (task.status === 'disabled') return ['enable'];
  return task.revivable ? ['revive', 'disable'] : ['disable'];
}
