// The initial namespaces, those of the host, seen through who is in them: process 1, the kernel's threads, or we.

import type { NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import { gap, value, valueOf, type Host, type Reading } from '../kernel/host.ts';
import { parseNamespaceLink } from '../kernel/text/namespace-link.ts';
import { isInitial } from '../namespaces/initial.ts';

export interface InitialNamespace {
  /** Its number; a gap where nobody who is in it may be looked at. */
  readonly inode: Reading<bigint>;
  /** A file that is the namespace. Absent (null): none was found. */
  readonly door: string | null;
  /** Processes in it, those first whose files tell the most. */
  readonly pids: readonly number[];
}

/** The first process of a pid namespace. */
const FIRST = 1;
/** The parent of the kernel's threads, where /proc is that of the initial pid namespace. */
const KTHREADD = 2;

export function initialNamespace(host: Host, kind: NamespaceKind): InitialNamespace {
  const pids = [FIRST, KTHREADD, host.self.pid].filter((pid) => {
    const inode = valueOf(inodeOf(host, `/proc/${pid}/ns/${kind}`));
    return inode !== undefined && isInitial(host, kind, inode) === true;
  });
  const [first] = pids;
  if (first === undefined) {
    const what = `the host's ${kind} namespace: process 1 is closed to us or not in it`;
    return { inode: gap({ reason: 'denied', what }), door: null, pids: [] };
  }
  const door = `/proc/${first}/ns/${kind}`;
  return { inode: inodeOf(host, door), door, pids };
}

/** The first process of the host. A gap where /proc is that of another pid namespace. */
export function firstProcess(host: Host): Reading<number> {
  if (initialNamespace(host, 'pid').inode.ok) return value(FIRST);
  return gap({ reason: 'unsupported', what: "the first process of the host is beyond this /proc's view" });
}

/** The number of the namespace that a link of /proc names. */
export function inodeOf(host: Host, path: string): Reading<bigint> {
  const link = host.readLink(path);
  const id = link.ok ? parseNamespaceLink(link.value, path) : link;
  return id.ok ? value(id.value.inode) : id;
}
