// Discovery: an ordered list of sources, each of which adds what it finds.

import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { GapTally } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { bindMounts } from './bind-mounts.ts';
import { hiddenProcesses } from './hidden-processes.ts';
import { processLinks } from './process-links.ts';
import type { Scan, Source } from './scan.ts';

/** Bind mounts need the mount namespaces that the process links found. */
const sources: readonly Source[] = [processLinks, bindMounts, hiddenProcesses];

/** All namespaces of these kinds that the sources can see. Never fails: what is not seen is in `gaps`. */
export function discoverNamespaces(host: Host, kinds: ReadonlySet<NamespaceKind>): Scan {
  const scan: Scan = { host, kinds, namespaces: new Map(), mountNamespaces: new Map(), gaps: new GapTally() };
  for (const source of sources) source.discover(scan);
  return scan;
}
