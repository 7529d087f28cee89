// How far a user namespace lies below the initial one. Source: ioctl_nsfs(2), user_namespaces(7).

import { INITIAL_USER_INODE } from '../kernel/abi/nsfs.ts';
import type { NamespaceQuestion } from '../kernel/host.ts';

/** User namespaces nest no deeper. Source: create_user_ns(). */
const DEEPEST = 32;

/** 0 is the initial one. Absent (null) where the way up to that is not shown to us. `ask` asks the namespace itself. */
export function levelOf(inode: bigint, ask: (questions: readonly NamespaceQuestion[]) => bigint | null): number | null {
  const questions: NamespaceQuestion[] = [];
  for (let reached = inode; reached !== INITIAL_USER_INODE;) {
    questions.push('NS_GET_PARENT');
    const parent = questions.length > DEEPEST ? null : ask(questions);
    if (parent === null) return null;
    reached = parent;
  }
  return questions.length;
}
