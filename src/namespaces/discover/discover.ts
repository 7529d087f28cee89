// Discovery: an ordered list of sources, each of which adds what it finds.

import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import type { Host } from '../../kernel/host.ts';
import { allMounts } from './all-mounts.ts';
import { bindMounts } from './bind-mounts.ts';
import { descriptors } from './descriptors.ts';
import { files } from './files.ts';
import { forChildren } from './for-children.ts';
import { hiddenProcesses } from './hidden-processes.ts';
import { inFlight } from './in-flight.ts';
import { kernelMounts } from './kernel-mounts.ts';
import { listed } from './listed.ts';
import { names } from './names.ts';
import { processLinks } from './process-links.ts';
import { relations } from './relations.ts';
import { emptyScan, type Scan, type Source } from './scan.ts';
import { sockets } from './sockets.ts';
import { tapDescriptors } from './tap-descriptors.ts';
import { threads } from './threads.ts';
import { tunDescriptors } from './tun-descriptors.ts';
import { watches } from './watches.ts';

/** Bind mounts need the mount namespaces that the process links found. */
export const plainSources: readonly Source[] = [processLinks, bindMounts, hiddenProcesses];

/** Threads find the tables of descriptors, these the sockets and files, these the tun devices. Relations are of all that was found. */
export const deepSources: readonly Source[] = [
  forChildren,
  threads,
  descriptors,
  files,
  sockets,
  tunDescriptors,
  tapDescriptors,
  allMounts,
  watches,
  names,
  relations,
  listed,
  inFlight,
  kernelMounts,
];

export interface DiscoverOptions {
  /** Use all sources; absent: only those that cost no more than reading links. */
  readonly deep?: boolean;
}

/** All namespaces of these kinds that the sources can see. Never fails: what is not seen is in `gaps`. */
export function discoverNamespaces(
  host: Host,
  kinds: ReadonlySet<NamespaceKind>,
  { deep = false }: DiscoverOptions = {},
): Scan {
  const scan = emptyScan(host, kinds);
  for (const source of deep ? [...plainSources, ...deepSources] : plainSources) source.discover(scan);
  return scan;
}
