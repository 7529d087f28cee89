// The names that people know namespaces by: what lies in the folders of ip-netns(8) and docker, as a mount or as a link to
// /proc/PID/ns. Source: ip-netns(8). A file in them that is neither is a name whose namespace is gone.

import { valueOf } from '../../kernel/host.ts';
import { parseNamespaceLink } from '../../kernel/text/namespace-link.ts';
import type { Holder } from '../holder.ts';
import type { Namespace, Scan, Source } from './scan.ts';

export const NAME_FOLDERS: readonly string[] = ['/run/netns', '/run/docker/netns'];

export const names: Source = {
  name: 'names',
  when: 'deep',
  cost: 'two directories, and a readlink for each name that is no mount',
  blind: 'the folders of other programs: what is mounted there is listed as a mount',
  discover(scan) {
    const own = valueOf(scan.host.readLink('/proc/self/ns/mnt'));
    const inode = own === undefined ? undefined : valueOf(parseNamespaceLink(own, own))?.inode;
    for (const namespace of scan.namespaces.values()) nameMounts(namespace, inode);
    if (scan.kinds.has('net')) for (const folder of NAME_FOLDERS) nameLinks(scan, folder);
  },
};

/** The name of a namespace that is mounted there. */
export function nameOfPath(path: string): string | undefined {
  const end = path.lastIndexOf('/');
  return NAME_FOLDERS.includes(path.slice(0, end)) ? path.slice(end + 1) : undefined;
}

/** Mounts of ours under such a folder become names. */
function nameMounts({ holders }: Namespace, own: bigint | undefined): void {
  for (const [index, holder] of holders.entries()) {
    if (holder.type !== 'mount' || holder.mountNamespace !== own) continue;
    const name = nameOfPath(holder.path);
    if (name !== undefined) holders[index] = { type: 'name', name, path: holder.path, symlink: false };
  }
}

function nameLinks(scan: Scan, folder: string): void {
  for (const name of valueOf(scan.host.readDirectory(folder)) ?? []) {
    const path = `${folder}/${name}`;
    const target = valueOf(scan.host.readLink(path));
    // A link to a link: /proc/PID/ns/net, whose text is the namespace.
    const text = target === undefined ? undefined : valueOf(scan.host.readLink(target));
    const holder: Holder = { type: 'name', name, path, symlink: true };
    if (text !== undefined) scan.namespaces.get(text)?.holders.push(holder);
  }
}
