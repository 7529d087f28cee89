// Which root the command will have, by a path that leads to it from here.

import type { Door } from './doors.ts';
import type { EnterQuery } from './enter-query.ts';

export const OURS = '/';

/** `doors`: all that are entered. undefined: nobody is known who has that root. */
export function rootAfter({ pid, root, tools }: EnterQuery, doors: readonly Door[]): string | undefined {
  if (root !== undefined) return root === true ? `/proc/${pid}/root` : root;
  const mounts = doors.find(({ kind, ours }) => kind === 'mnt' && !ours);
  if (mounts === undefined) return typeof tools === 'string' ? tools : OURS;
  const process = /^\/proc\/([0-9]+)\/ns\/mnt$/.exec(mounts.path)?.[1];
  return process === undefined ? undefined : `/proc/${process}/root`;
}
