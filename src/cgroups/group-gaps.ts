// What of a process's cgroups is beyond our view, as a gap.

import type { Gap } from '../kernel/host.ts';
import type { Group } from './groups.ts';

/** Of a group that is not whole. */
export function beyondView({ levels: [own, ...above] }: Group, controllers: readonly string[]): Gap {
  const { folder } = above.at(-1) ?? own;
  return { reason: 'unsupported', what: `limits above ${folder} (${controllers.join(',')}) are beyond our view` };
}
