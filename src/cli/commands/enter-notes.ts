// What is said of an enter that is planned, besides what it does.

import type { EnterPlan } from '../../launch/enter.ts';

export function notesOf({ note, uncopied }: Pick<EnterPlan, 'note' | 'uncopied'>): readonly string[] {
  const lacks = uncopied.map(({ what, why }) => `not copied: ${what}: ${why}`);
  return note === undefined ? lacks : [note, ...lacks];
}
