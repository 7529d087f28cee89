// What a word of the command line means for `net show`: a network namespace, as to all commands of `net`, or links of a name.

import { NsError } from '../../kernel/error.ts';
import type { Host } from '../../kernel/host.ts';
import type { DetailedLink } from '../../kernel/netlink/link-details.ts';
import { readTopology, type Topology } from '../../network/topology.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import { networkName, resolveNetwork } from '../network-names.ts';

export interface PlacedLink {
  readonly place: NetworkNamespace;
  readonly link: DetailedLink;
}

export type NetworkTarget =
  | { readonly type: 'namespace'; readonly topology: Topology; readonly place: NetworkNamespace }
  | { readonly type: 'links'; readonly topology: Topology; readonly links: readonly PlacedLink[] };

const SCHEME = 'link:';

/** `link:NAME` is a link, and so is a bare word that is nothing else. Errors: as of resolveNetwork; BAD_VALUE. */
export function networkTarget(host: Host, word: string): NetworkTarget {
  if (word.startsWith(SCHEME)) return linksTarget(host, word.slice(SCHEME.length));
  const topology = readTopology(host);
  const links = linksNamed(topology, word);
  let inode: bigint;
  try {
    inode = resolveNetwork(host, word).inode;
  } catch (error) {
    if (links.length > 0 && error instanceof NsError) return { type: 'links', topology, links };
    throw error;
  }
  if (links.length > 0) {
    const isName = networkName(host, word) !== undefined;
    throw new NsError('BAD_VALUE', {
      what: `'${word}' is the name of a link and of something else`,
      tryThis: `link:${word}, or ${isName ? 'netns' : 'container'}:${word}`,
    });
  }
  return placeOf(host, topology, inode);
}

function linksTarget(host: Host, name: string): NetworkTarget {
  const topology = readTopology(host);
  const links = linksNamed(topology, name);
  if (links.length > 0) return { type: 'links', topology, links };
  const all = topology.namespaces.flatMap((place) => place.links ?? []);
  throw new NsError('NO_FILE', {
    what: `no link is called '${name}'`,
    why: `${topology.namespaces.length} network namespaces were looked at`,
    tryThis: 'nstool net show',
    near: { word: name, known: new Map(all.map((link) => [link.name, `link:${link.name}`])) },
    gaps: topology.gaps.list(),
  });
}

function linksNamed({ namespaces }: Topology, name: string): readonly PlacedLink[] {
  return namespaces.flatMap((place) =>
    (place.links ?? [])
      .filter((link) => link.name === name || link.altNames.includes(name))
      .map((link) => ({ place, link })),
  );
}

function placeOf(host: Host, topology: Topology, inode: bigint): NetworkTarget {
  return { type: 'namespace', ...networkPlace(host, topology, inode) };
}

/** What a plain look does not find a deep one does. Errors: NO_NAMESPACE. */
export function networkPlace(
  host: Host,
  topology: Topology,
  inode: bigint,
): { readonly topology: Topology; readonly place: NetworkNamespace } {
  const place = topology.namespaces.find((one) => one.inode === inode);
  if (place !== undefined) return { topology, place };
  const deep = readTopology(host, { deep: true });
  const found = deep.namespaces.find((one) => one.inode === inode);
  if (found !== undefined) return { topology: deep, place: found };
  throw new NsError('NO_NAMESPACE', { what: `no network namespace ${inode} was found`, gaps: deep.gaps.list() });
}
