// What is said of an enter that is planned, besides what it does.

import type { EnterPlan } from '../../launch/enter.ts';

export function notesOf({ notes, uncopied }: Pick<EnterPlan, 'notes' | 'uncopied'>): readonly string[] {
  return [...notes, ...uncopied.map(({ what, why }) => `not copied: ${what}: ${why}`)];
}
