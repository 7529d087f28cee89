// The eight namespaces of a process: which are the host's, and how many others are in each.

import { namespaceKinds, type NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { parseNamespaceLink } from '../../kernel/text/namespace-link.ts';
import { hiddenProcesses } from '../../namespaces/discover/hidden-processes.ts';
import { processLinks } from '../../namespaces/discover/process-links.ts';
import { emptyScan, type Scan } from '../../namespaces/discover/scan.ts';
import { isInitial } from './initial.ts';
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
}

export function namespacesField(look: ProcessLook): Field {
  const { host, pid, gaps } = look;
  const texts = namespaceKinds.flatMap(({ kind }) => {
    const link = look.namespaceLink(kind);
    if (link.ok) return [{ kind, text: link.value }];
    gaps.add('namespace link', link.gap);
    return [];
  });
  if (texts.length === 0) return many<Membership>('namespaces', null, () => null, String);
  const scan = scanLinks(look);
  const memberships = texts.flatMap(({ kind, text }): Membership[] => {
    const id = parseNamespaceLink(text, `/proc/${pid}/ns/${kind}`);
    if (!id.ok) return [];
    const { inode } = id.value;
    const own = host.readLink(`/proc/self/ns/${kind}`);
    const others = (scan.namespaces.get(text)?.pids ?? []).filter((other) => other !== pid).length;
    return [{ kind, inode, initial: isInitial(host, kind, inode), ours: own.ok && own.value === text, others }];
  });
  return many(
    'namespaces',
    memberships,
    ({ kind, inode, initial, ours, others }) => ({ type: kind, ns: inode, initial, ours, others }),
    (membership) => line(membership),
  );
}

function line({ kind, inode, initial, ours, others }: Membership): string {
  const whose = initial === true ? "the host's" : ours ? 'ours' : initial === null ? '-' : 'own';
  const shared = others === 0 ? 'alone' : `with ${others} other${others === 1 ? '' : 's'}`;
  return `${`${kind}:${inode}`.padEnd(17)} ${whose}, ${shared}`;
}

function scanLinks({ host, gaps }: ProcessLook): Scan {
  const scan = emptyScan(host, new Set(namespaceKinds.map(({ kind }) => kind)));
  processLinks.discover(scan);
  hiddenProcesses.discover(scan);
  for (const gap of scan.gaps.list()) gaps.addUncounted(gap);
  return scan;
}
