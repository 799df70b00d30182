/** What happens to an agent as a whole, beside its sessions. */
export const AGENT_EVENTS = {
  revived: 'Tasks that were brought back to Kapacitor',
  not_revived: 'Tries to bring a task back that failed',
  worker_stalled: 'Workers killed by the watchdog, as their event loop stood still',
  worker_too_large: 'Workers killed for the memory that they took',
  worker_restarted: 'Workers that died and were started again',
} as const;

export type AgentEvent = keyof typeof AGENT_EVENTS;

/** How often it has happened. */
export class AgentEvents {
  readonly #counts = new Map<AgentEvent, number>();

  note(event: AgentEvent): void {
    this.#counts.set(event, this.countOf(event) + 1);
  }

  countOf(event: AgentEvent): number {
    return this.#counts.get(event) ?? 0;
  }
}
