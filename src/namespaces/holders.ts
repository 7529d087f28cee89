// Why a namespace is alive: everything that was found to keep it, and the command that would release each.

import { valueOf } from '../kernel/host.ts';
import { formatNamespaceLink } from '../kernel/text/namespace-link.ts';
import { parseStatus } from '../kernel/text/status.ts';
import { isChrooted } from './discover/chrooted.ts';
import type { Namespace, Scan } from './discover/scan.ts';
import { doorOf } from './discover/door-of.ts';
import type { Holder, MountHolder } from './holder.ts';

/** All that was found to keep a namespace: processes, what the deep sources noted, namespaces below. Needs a deep scan. */
export function holdersOf(scan: Scan, namespace: Namespace): readonly Holder[] {
  const processes = namespace.pids.map((pid): Holder => ({ type: 'process', pid }));
  return [...processes, ...namespace.holders, ...childrenOf(scan, namespace)];
}

function childrenOf(scan: Scan, { kind, inode }: Namespace): readonly Holder[] {
  if (kind !== 'user' && kind !== 'pid') return [];
  scan.deep.children ??= childrenByNamespace(scan);
  return scan.deep.children.get(formatNamespaceLink({ kind, inode })) ?? [];
}

/** By the link of what they lie in. A user namespace that lies in another one is owned by it too, and is named once. */
function childrenByNamespace(scan: Scan): Map<string, Holder[]> {
  const children = new Map<string, Holder[]>();
  const note = (above: string, child: Holder): void => {
    const known = children.get(above);
    if (known === undefined) children.set(above, [child]);
    else known.push(child);
  };
  for (const { kind, inode, parent, owner } of scan.namespaces.values()) {
    if (typeof parent === 'bigint') note(`${kind}:[${parent}]`, { type: 'child', relation: 'parent', kind, inode });
    if (typeof owner === 'bigint' && kind !== 'user') {
      note(`user:[${owner}]`, { type: 'child', relation: 'owner', kind, inode });
    }
  }
  return children;
}

/** `process:3`, in the order in which the sorts were met. */
export function countHolders(holders: readonly Holder[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { type } of holders) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].map(([type, count]) => `${type}:${count}`);
}

/** Is it kept only by names and mounts, which can be taken away without ending anything? */
export function isUnused(scan: Scan, namespace: Namespace): boolean {
  const holders = holdersOf(scan, namespace);
  return holders.length > 0 && holders.every(({ type }) => type === 'name' || type === 'mount');
}

/** The words of the command that releases it; undefined where there is none, or none is known. */
export function releaseCommand(scan: Scan, holder: Holder): readonly string[] | undefined {
  switch (holder.type) {
    case 'process':
    // A descriptor or a thread cannot be taken from its process without taking part in it.
    case 'thread':
    case 'for_children':
    case 'descriptor':
    case 'socket':
    case 'tun':
    case 'inotify':
      return endProcess(scan, holder.pid);
    case 'mount':
      return unmount(scan, holder);
    case 'name':
      return releaseName(holder.path, holder.symlink);
    case 'child':
      return ['nstool', 'holders', `${holder.kind}:${holder.inode}`];
    case 'unseen':
      return undefined;
  }
}

/**
 * The first process of a pid namespace gets only signals that it has a handler for, and systemd's handler of SIGTERM
 * starts it anew. That of our own namespace nothing ends. Source: pid_namespaces(7).
 */
function endProcess({ host }: Scan, pid: number): readonly string[] | undefined {
  if (pid === 1) return undefined;
  const path = `/proc/${pid}/status`;
  const bytes = valueOf(host.readFile(path));
  const status = bytes === undefined ? undefined : valueOf(parseStatus(bytes, path));
  return status?.namespacePids.at(-1) === 1 ? ['kill', '-KILL', String(pid)] : ['kill', String(pid)];
}

function releaseName(path: string, symlink: boolean): readonly string[] {
  const name = path.startsWith('/run/netns/') ? path.slice('/run/netns/'.length) : undefined;
  // A name may look like an option.
  if (name !== undefined) return ['nstool', 'net', 'rm', ...(name.startsWith('-') ? ['--'] : []), name];
  return symlink ? ['rm', path] : ['umount', path];
}

/** In a mount namespace without a process umount(8) has to be taken along: its own /bin may be anything. */
function unmount(scan: Scan, { path, pid, mountNamespace }: MountHolder): readonly string[] | undefined {
  if (pid === scan.host.self.pid) return ['umount', path];
  // A path that was seen from another root than that of the namespace begins there.
  if (pid !== null) {
    const root = isChrooted(scan.host, pid) ? ['--root'] : [];
    return ['nsenter', `--target=${pid}`, '--mount', ...root, 'umount', path];
  }
  const above = mountNamespace === null ? undefined : scan.namespaces.get(`mnt:[${mountNamespace}]`);
  const door = above === undefined ? undefined : doorOf(above);
  if (door === undefined || door.through.length > 0) return undefined;
  if (typeof door.at === 'string') return ['nsenter', `--mount=${door.at}`, 'umount', path];
  // util-linux 2.42 and Linux 6.19.
  return 'id' in door.at ? ['nsenter', `--mount=:${door.at.id}`, 'umount', path] : undefined;
}
