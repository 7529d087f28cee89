// All processes of a host with their namespaces and who they belong to: for several questions one look.

import { IdentityResolver } from '../containers/identify.ts';
import { namespaceKinds } from '../kernel/abi/namespace-kinds.ts';
import type { Host } from '../kernel/host.ts';
import { hiddenProcesses } from './discover/hidden-processes.ts';
import { processLinks } from './discover/process-links.ts';
import { emptyScan, type Scan } from './discover/scan.ts';

export interface Crowd {
  /** Of processes only, in namespaces of all kinds. */
  readonly scan: Scan;
  readonly resolver: IdentityResolver;
}

/** `resolver`: one that has already met processes of this host, if there is one. */
export function lookAtAll(host: Host, resolver: IdentityResolver = new IdentityResolver(host)): Crowd {
  const scan = emptyScan(host, new Set(namespaceKinds.map(({ kind }) => kind)));
  processLinks.discover(scan);
  hiddenProcesses.discover(scan);
  return { scan, resolver };
}
