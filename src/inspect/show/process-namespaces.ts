// The eight namespaces of a process: which are the host's, how many others are in each, and, of those that are not the
// host's, who.

import { namespaceKinds, type NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { parseNamespaceLink } from '../../kernel/text/namespace-link.ts';
import { sharersOf, sharerText, type Sharer } from './sharers.ts';
import { isInitial } from '../../namespaces/initial.ts';
import { isOwn } from '../../namespaces/own.ts';
import type { ProcessLook } from './process-look.ts';
import { many, type Field } from './report.ts';

interface Membership {
  readonly kind: NamespaceKind;
  readonly inode: bigint;
  readonly initial: boolean | null;
  /** Do we share it? */
  readonly ours: boolean;
  /** Other processes in it that we see. */
  readonly others: number;
  /** Whose processes these are; of the host's namespaces, where everybody is, none are told. */
  readonly sharers: readonly Sharer[];
}

export function namespacesField(look: ProcessLook): Field {
  const { host, pid, gaps } = look;
  const hasEnded = look.stat?.state === 'Z' || look.stat?.state === 'X';
  const texts = namespaceKinds.flatMap(({ kind }) => {
    const link = look.namespaceLink(kind);
    if (link.ok) return [{ kind, text: link.value }];
    // The dead are in few namespaces, and hide none.
    if (link.gap.reason !== 'gone' || !hasEnded) gaps.add('namespace link', link.gap);
    return [];
  });
  if (texts.length === 0) return many<Membership>('namespaces', null, () => null, String);
  const { scan, resolver } = look.crowd;
  const memberships = texts.flatMap(({ kind, text }): Membership[] => {
    const id = parseNamespaceLink(text, `/proc/${pid}/ns/${kind}`);
    if (!id.ok) return [];
    const { inode } = id.value;
    const others = (scan.namespaces.get(text)?.pids ?? []).filter((other) => other !== pid);
    const initial = isInitial(host, kind, inode);
    const ours = isOwn(host, kind, inode);
    const sharers = initial === true ? [] : sharersOf(host, resolver, others);
    return [{ kind, inode, initial, ours, others: others.length, sharers }];
  });
  return many(
    'namespaces',
    memberships,
    ({ kind, inode, initial, ours, others, sharers }) => ({
      type: kind,
      ns: inode,
      initial,
      ours,
      others,
      // Nobody was looked for, which is not the same as nobody.
      with: initial === true ? null : sharers.map(({ name, pid, comm, count }) => ({ name, pid, comm, count })),
    }),
    (membership) => line(membership),
  );
}

/** More would fill the screen; --json has all. */
const MAX_NAMED = 4;

function line({ kind, inode, initial, ours, others, sharers }: Membership): string {
  const whose = initial === true ? "the host's" : ours ? 'ours' : initial === null ? '-' : 'own';
  const shared = others === 0 ? 'alone' : `with ${others} other${others === 1 ? '' : 's'}`;
  const named = sharers.slice(0, MAX_NAMED).map(sharerText);
  const more = sharers.length > MAX_NAMED ? [`${sharers.length - MAX_NAMED} more`] : [];
  const who = named.length === 0 ? '' : `: ${[...named, ...more].join(', ')}`;
  return `${`${kind}:${inode}`.padEnd(17)} ${whose}, ${shared}${who}`;
}
