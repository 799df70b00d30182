/**
 * Loaded into the agent's process in front of the agent (`node --import`): each message sets the wall clock, as far as
 * JavaScript can see it. The real one is everybody's.
 */
const RealDate = Date;
let offsetMs = 0;

const now = (): number => RealDate.now() + offsetMs;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, given, newTarget): Date =>
    Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
});

process.on('message', (message) => {
  if (typeof message === 'object' && message !== null && 'stepMs' in message)
    offsetMs += Number(message.stepMs);
});
// The agent must end as it would alone.
process.channel?.unref();
