import type { GroupState, StatesPage, StatesQuery } from '../../function/contract.ts';
import { type FieldValue, KIND } from '../../wire/point.ts';
import { FLAG, int64At } from './groups.ts';
import type { State } from './state.ts';
import type { Texts } from './texts.ts';
import { numberOf, VALUE_WORDS } from './values.ts';

/** Groups that one call looks at, so that nobody waits: about a millisecond's work. */
const MAX_LOOKED_AT = 5_000;

/** A page of what the groups of a node are in. Ids stay while their groups do, so a page goes on at the next id. */
export function groupStates(state: State, { after, limit, matches }: StatesQuery): StatesPage {
  const { groups } = state;
  const found: GroupState[] = [];
  const start = after === undefined ? 0 : Number(after);
  let id = Number.isSafeInteger(start) && start > 0 ? start : 0;
  for (
    let looked = 0;
    id < groups.idLimit && looked < MAX_LOOKED_AT && found.length < limit;
    id++, looked++
  ) {
    if (!groups.has(id)) continue;
    const group = groups.name(id).toString('utf8');
    if (matches === undefined || matches(group)) found.push(groupState(state, id, group));
  }
  return { groups: found, next: id < groups.idLimit ? String(id) : undefined };
}

function groupState(
  { candidates, groups, layout, settings, texts }: State,
  id: number,
  group: string,
): GroupState {
  const page = groups.page(id);
  const at = groups.at(id);
  const flags = page[at + layout.flags] ?? 0;
  const valuesOf = (words: Int32Array, from: number): Record<string, FieldValue | undefined> =>
    Object.fromEntries(
      settings.keys.map(({ name }, index) => [name, valueAt(words, from + index * VALUE_WORDS, texts)]),
    );
  const candidate = candidates.get(id);
  const hasBegin = layout.began >= 0 && (flags & FLAG.beginUnknown) === 0;
  return {
    group,
    values: valuesOf(page, at + layout.accepted),
    ...(hasBegin ? { sinceNs: int64At(page, at + layout.began) } : {}),
    ...(layout.count >= 0 ? { count: int64At(page, at + layout.count) } : {}),
    ...(candidate === undefined
      ? {}
      : {
          candidate: {
            values: valuesOf(candidate.values, 0),
            sinceNs: candidate.sinceNs,
            points: candidate.points,
          },
        }),
    isOwed: (flags & FLAG.owed) !== 0,
    isSilent: (flags & FLAG.silent) !== 0,
  };
}

function valueAt(words: Int32Array, at: number, texts: Texts): FieldValue | undefined {
  switch (words[at]) {
    case KIND.none:
      return undefined;
    case KIND.string:
      return texts.bytes(words[at + 1] ?? 0).toString('utf8');
    case KIND.bool:
      return words[at + 1] !== 0;
    default:
      return numberOf(words, at);
  }
}
