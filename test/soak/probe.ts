/**
 * Loaded into the agent's process in front of the agent (`node --import`): says at each message what the process holds
 * after a garbage collection.
 */
export interface Holdings {
  readonly heapMib: number;
  /** What keeps the process busy or alive, by kind: timers, sockets and so on. */
  readonly resources: Readonly<Record<string, number>>;
}

const MIB = 1024 * 1024;

function holdings(): Holdings {
  globalThis.gc?.();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  const { heapUsed, external } = process.memoryUsage();
  return { heapMib: (heapUsed + external) / MIB, resources };
}

process.on('message', () => process.send?.(holdings()));
// The agent must end as it would alone.
process.channel?.unref();
