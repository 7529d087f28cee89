// What the sources of discovery fill in: the namespaces found, who is in them, and what could not be seen.

import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { parseNamespaceLink, type NamespaceId } from '../../kernel/text/namespace-link.ts';

export interface Namespace extends NamespaceId {
  /** Processes (thread group leaders) in it, in the order of /proc, which is ascending. */
  readonly pids: number[];
  /** Where it is mounted in our own mount namespace: paths. */
  readonly mounts: string[];
  /** Where it is mounted in other mount namespaces only: paths through /proc/PID/root. */
  readonly foreignMounts: string[];
}

export interface Scan {
  readonly host: Host;
  readonly kinds: ReadonlySet<NamespaceKind>;
  /** By the text of the link, `net:[4026531833]`, which is also how a namespace is met again without parsing. */
  readonly namespaces: Map<string, Namespace>;
  /** Each mount namespace that has a process, by the text of its link, and one process in it. */
  readonly mountNamespaces: Map<string, number>;
  readonly gaps: GapTally;
}

/** One way of finding namespaces. */
export interface Source {
  readonly name: string;
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
  const namespace: Namespace = { ...id.value, pids: [], mounts: [], foreignMounts: [] };
  scan.namespaces.set(text, namespace);
  return namespace;
}
