// A namespace with the processes through which it can be looked at: what /proc tells of a namespace it tells of these.

import type { Host } from '../kernel/host.ts';
import { discoverNamespaces } from '../namespaces/discover/discover.ts';
import type { Namespace, Scan } from '../namespaces/discover/scan.ts';
import type { NamespaceTarget } from './resolve-target.ts';

interface FoundNamespace {
  readonly scan: Scan;
  readonly namespace: Namespace;
}

/** The namespace with the processes and mounts of it that we see, of which there may be none. */
export function findTarget(host: Host, target: NamespaceTarget): FoundNamespace {
  const { kind, inode, door } = target;
  const scan = target.scan ?? discoverNamespaces(host, new Set([kind]));
  const found = scan.namespaces.get(`${kind}:[${inode}]`);
  const namespace = found ?? { kind, inode, pids: [], mounts: [], foreignMounts: [], holders: [], door };
  return { scan, namespace };
}
