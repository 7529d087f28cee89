// Names without a namespace, and namespaces of containers that nobody lives in any more.

import { valueOf, type FileStatus, type Host } from '../../../kernel/host.ts';
import { NAME_FOLDERS } from '../../../namespaces/discover/names.ts';
import type { Holder } from '../../../namespaces/holder.ts';
import { holdersOf, isUnused, releaseCommand } from '../../../namespaces/holders.ts';
import { isPair } from '../../../network/link-end.ts';
import type { NetworkNamespace } from '../../../network/network-namespace.ts';
import { endOf, type Topology } from '../../../network/topology.ts';
import type { NetworkName } from '../../network-names.ts';
import type { Leak } from './leak.ts';

export function staleNames(host: Host, names: readonly NetworkName[], topology: Topology): readonly Leak[] {
  return names
    .filter(({ inode }) => inode === null)
    .map(({ name, path }): Leak => {
      const other = otherThing(host, path);
      if (other !== undefined) {
        const evidence = [`it is ${other}, which is no name of a network: nothing is mounted on it`];
        return { kind: 'name', what: path, isCertain: false, evidence, remove: ['rm', '-d', path] };
      }
      const isLink = host.readLink(path).ok;
      const elsewhere = topology.namespaces.flatMap(({ namespace }) =>
        namespace.foreignMounts.filter(
          (mount) => mount.endsWith(path) && isOurFolder(host, mount.slice(0, -path.length), path),
        ),
      );
      return {
        kind: 'name',
        what: path,
        // Where another mount namespace shares the folder, the file is needed there.
        isCertain: elsewhere.length === 0,
        evidence: [
          isLink
            ? 'it is a link, and no network namespace is where it leads'
            : 'no network namespace is mounted on it: an empty file is left',
          ...elsewhere.map((mount) => `in another mount namespace one is: ${mount}`),
        ],
        remove: path.startsWith('/run/netns/') ? removeName(name) : ['rm', path],
      };
    });
}

/** undefined: a file or a link, as names are. */
function otherThing(host: Host, path: string): string | undefined {
  const status = host.readLink(path).ok ? undefined : valueOf(host.stat(path));
  return status === undefined ? undefined : OTHER_THINGS[status.mode & S_IFMT];
}

/** Source: linux/stat.h. */
const S_IFMT = 0o170000;
const OTHER_THINGS: Readonly<Record<number, string>> = {
  0o010000: 'a fifo',
  0o020000: 'a character device',
  0o040000: 'a directory',
  0o060000: 'a block device',
  0o140000: 'a socket',
};

function removeName(name: string): readonly string[] {
  return ['nstool', 'net', 'rm', ...(name.startsWith('-') ? ['--'] : []), name];
}

/**
 * As engines name the namespaces that they make: CNI by containerd and podman, netavark, docker. What a person has named is
 * meant to stay without a process.
 */
const ENGINES_NAMES = [
  /\/netns\/cni-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  /\/netns\/netns-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  /^\/run\/docker\/netns\/[0-9a-f]{10,12}$/,
];

/** Needs a deep look: what descriptors and sockets keep is somebody's. */
export function leftNetworks(topology: Topology): readonly Leak[] {
  return topology.namespaces.flatMap((place): readonly Leak[] => {
    const { scan } = topology;
    if (!isUnused(scan, place.namespace)) return [];
    const holders = holdersOf(scan, place.namespace);
    const paths = holders.flatMap((holder) => (holder.type === 'name' || holder.type === 'mount' ? holder.path : []));
    const isEngines = paths.some((path) => ENGINES_NAMES.some((pattern) => pattern.test(path)));
    if (!isEngines) return [];
    return [
      {
        kind: 'network',
        what: `net:[${place.inode}]`,
        isCertain: false,
        evidence: [
          'no process is in it',
          'its name is one that container engines give',
          ...holders.map(keptBy),
          ...veths(topology, place),
        ],
        remove: removeNetwork(topology, place, holders),
      },
    ];
  });
}

/** Is what lies at `path` for who has that root in the very folder of names that it is in for us? */
function isOurFolder(host: Host, root: string, path: string): boolean {
  const folder = path.slice(0, path.lastIndexOf('/'));
  const [ours, theirs] = [host.stat(folder), host.stat(`${root}${folder}`)];
  return NAME_FOLDERS.includes(folder) && ours.ok && theirs.ok && isSame(ours.value, theirs.value);
}

function isSame(a: FileStatus, b: FileStatus): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

function keptBy(holder: Holder): string {
  if (holder.type === 'name') return `kept by the name ${holder.path}`;
  if (holder.type !== 'mount') return `kept by: ${holder.type}`;
  const { path, pid, mountNamespace } = holder;
  const where = pid === null ? `mnt:[${mountNamespace ?? '?'}]` : `the mount namespace of process ${pid}`;
  return `kept by the mount ${path} in ${where}`;
}

/** The links of others that go with it. */
function veths(topology: Topology, place: NetworkNamespace): readonly string[] {
  return (place.links ?? []).filter(isPair).flatMap((link) => {
    const end = endOf(topology, place, link.ifindex);
    if (end?.state !== 'known' || end.in === place) return [];
    const port = end.link.master === null ? undefined : end.in.byIndex.get(end.link.master)?.name;
    const as = port === undefined ? '' : `, a port of ${port}`;
    return `${end.link.name} in ${topology.nameOf(end.in)}${as}, leads only to its ${link.name}`;
  });
}

/** One mount goes by its own command, several by one that looks at all of them. */
function removeNetwork(
  { scan }: Topology,
  { inode, namespace }: NetworkNamespace,
  holders: readonly Holder[],
): readonly string[] {
  const [only, ...others] = holders;
  const command = only === undefined || others.length > 0 ? undefined : releaseCommand(scan, only);
  const isNamed = only?.type === 'name' && namespace.mounts.length === 1;
  return command !== undefined && isNamed ? command : ['nstool', 'holders', `net:${inode}`, '--release', '--yes'];
}
