// What the sources of discovery fill in: the namespaces found, who is in them, and what could not be seen.

import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { GapTally } from '../../kernel/gap-tally.ts';
import type { Host, NamespaceQuestion } from '../../kernel/host.ts';
import { parseNamespaceLink, type NamespaceId } from '../../kernel/text/namespace-link.ts';
import type { DescriptorUse, Holder } from '../holder.ts';
import type { Yama } from '../yama.ts';
import type { Door } from './door.ts';

export interface Namespace extends NamespaceId {
  /** Processes (thread group leaders) in it, ascending. */
  readonly pids: number[];
  /** Where it is mounted in our own mount namespace: paths. */
  readonly mounts: string[];
  /** Where it is mounted in other mount namespaces only: paths through /proc/PID/root. */
  readonly foreignMounts: string[];
  /** What keeps it, but for the processes in it and the namespaces below it: see holders.ts. */
  readonly holders: Holder[];
  /** A way to it, if the look found another one than through a process or a mount. */
  door?: Door;
  /** The kernel's number for it, never given twice. Deep only. Since: Linux 6.18; of mount namespaces 6.11. */
  id?: bigint;
  /** The user namespace that owns it; for a user namespace its parent. Deep only. */
  owner?: Relation;
  /** Pid and user namespaces only. Deep only. */
  parent?: Relation;
}

/** The inode of another namespace; `top`: there is none; `outside`: one beyond our view; `unknown`: see the gaps. */
export type Relation = bigint | 'top' | 'outside' | 'unknown';

export interface Scan {
  readonly host: Host;
  readonly kinds: ReadonlySet<NamespaceKind>;
  /** By the text of the link, `net:[4026531833]`, which is also how a namespace is met again without parsing. */
  readonly namespaces: Map<string, Namespace>;
  /** Each mount namespace that has a process, by the text of its link, and the lowest pid in it that sees all of it. */
  readonly mountNamespaces: Map<string, number>;
  /** Those of them whose processes all have another root than the namespace: the pid is the lowest. */
  readonly chrooted: Set<string>;
  /** The nsfs mounts that were found: `INODE/MOUNT`, of the mount namespace and by the id in mountinfo. */
  readonly mountsSeen: Set<string>;
  /** The processes whose links could be read, ascending. */
  readonly processes: number[];
  /** The processes whose links are closed to us, ascending. */
  readonly closed: number[];
  /** Of processes whose first thread has ended: another one, and the links that it has. */
  readonly leaderless: Map<number, { readonly tid: number; readonly links: ReadonlyMap<NamespaceKind, string> }>;
  readonly gaps: GapTally;
  /** What the deep sources tell each other. */
  readonly deep: DeepScan;
}

export interface DeepScan {
  /** The processes and threads that have a table of descriptors of their own. */
  readonly tables: { readonly pid: number; readonly tid: number }[];
  /** Who has a socket, by its inode. */
  readonly sockets: Map<bigint, DescriptorUse[]>;
  /** The inodes of sockets that are known not to be unix sockets: nothing else carries descriptors. */
  readonly notUnix: Set<bigint>;
  readonly tuns: DescriptorUse[];
  /** Descriptors of files named as macvtap devices are. */
  readonly taps: DescriptorUse[];
  /** Descriptors of files, with what their links say. */
  readonly files: FileUse[];
  /** Descriptors of inotify and fanotify. */
  readonly watches: DescriptorUse[];
  /** Descriptors of io_uring. */
  readonly rings: DescriptorUse[];
  /** The devices of the sysfs superblocks that are mounted anywhere. */
  readonly sysfs: Set<string>;
  /** The questions that this kernel does not know. */
  readonly unknownQuestions: Set<NamespaceQuestion>;
  /** Has the kernel listed all namespaces? */
  isListed: boolean;
  /** What Yama keeps from us, once somebody asked; null: nothing. */
  yama?: Yama | null;
  /** What lies in what, by link, once somebody asked: see holders.ts. */
  children?: ReadonlyMap<string, readonly Holder[]>;
}

/** A descriptor of a file, and the text of its link. */
export interface FileUse {
  readonly use: DescriptorUse;
  readonly text: string;
}

export function emptyScan(host: Host, kinds: ReadonlySet<NamespaceKind>): Scan {
  return {
    host,
    kinds,
    namespaces: new Map(),
    mountNamespaces: new Map(),
    chrooted: new Set(),
    mountsSeen: new Set(),
    processes: [],
    closed: [],
    leaderless: new Map(),
    gaps: new GapTally(),
    deep: {
      tables: [],
      sockets: new Map(),
      notUnix: new Set(),
      tuns: [],
      taps: [],
      files: [],
      watches: [],
      rings: [],
      sysfs: new Set(),
      unknownQuestions: new Set(),
      isListed: false,
    },
  };
}

/** One way of finding namespaces. */
export interface Source {
  readonly name: string;
  /** Where it applies. */
  readonly when: string;
  readonly cost: string;
  /** What it cannot see. */
  readonly blind: string;
  readonly discover: (scan: Scan) => void;
}

/** The namespace of this link, noted when it is new; undefined (and a gap) when the text is no namespace. */
export function noteNamespace(scan: Scan, text: string, file: string): Namespace | undefined {
  const known = scan.namespaces.get(text);
  if (known !== undefined) return known;
  const id = parseNamespaceLink(text, file);
  if (!id.ok) {
    scan.gaps.add('namespace link', id.gap);
    return undefined;
  }
  const namespace: Namespace = { ...id.value, pids: [], mounts: [], foreignMounts: [], holders: [] };
  scan.namespaces.set(text, namespace);
  return namespace;
}
