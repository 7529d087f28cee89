// A process through which a namespace can be looked at: what /proc tells of a namespace it tells of its processes.

import type { NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import { NsError } from '../kernel/error.ts';
import type { Host } from '../kernel/host.ts';
import { discoverNamespaces } from '../namespaces/discover/discover.ts';
import type { Namespace, Scan } from '../namespaces/discover/scan.ts';
import type { ResolvedTarget } from './resolve-target.ts';

export type NamespaceTarget = Extract<ResolvedTarget, { type: 'namespace' }>;

export interface FoundNamespace {
  readonly scan: Scan;
  /** The processes in it are those that we see; a namespace that was named by a file may have none. */
  readonly namespace: Namespace;
}

/** The namespace with its processes and mounts. Errors: NO_NAMESPACE. */
export function findTarget(host: Host, target: NamespaceTarget, kinds: ReadonlySet<NamespaceKind>): FoundNamespace {
  const scan = discoverNamespaces(host, target.kind === undefined ? kinds : new Set([target.kind]));
  for (const namespace of scan.namespaces.values()) {
    if (namespace.inode !== target.inode) continue;
    if (target.kind === undefined || namespace.kind === target.kind) return { scan, namespace };
  }
  const { kind, path, inode } = target;
  if (path === undefined || kind === undefined) throw noNamespace(target);
  const door = { at: path, through: [] };
  return { scan, namespace: { kind, inode, pids: [], mounts: [], foreignMounts: [], holders: [], door } };
}

function noNamespace({ kind, inode }: NamespaceTarget): NsError {
  return new NsError('NO_NAMESPACE', {
    what: `no ${kind === undefined ? '' : `${kind} `}namespace ${inode}`,
    why: 'no process that we see is in it, and it is mounted nowhere that we see',
    tryThis: 'nstool ls',
  });
}
