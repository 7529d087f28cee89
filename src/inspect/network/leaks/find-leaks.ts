// Everything that was left behind of networks on a host, but for what only the journal knows.

import { IdentityResolver } from '../../../containers/identify.ts';
import { isComplete } from '../../../kernel/gap-tally.ts';
import { valueOf, type Host } from '../../../kernel/host.ts';
import type { Topology } from '../../../network/topology.ts';
import { allNetworkNames } from '../../network-names.ts';
import { leftAddresses, leftResults, type Living } from './cni.ts';
import type { Leak } from './leak.ts';
import { leftNetworks, staleNames } from './left-networks.ts';
import { leftRules } from './left-rules.ts';

/** The topology is one of a deep look; what could not be read is added to its gaps. */
export function findLeaks(host: Host, topology: Topology): readonly Leak[] {
  const { names, gaps } = allNetworkNames(host);
  for (const gap of gaps) topology.gaps.add('name of a network', gap);
  const living = livingContainers(host, topology);
  return [
    ...staleNames(host, names, topology),
    ...leftNetworks(topology),
    ...leftAddresses(host, topology, living, topology.gaps),
    ...leftResults(host, living, topology.gaps),
    ...leftRules(host, living, topology.gaps),
  ];
}

function livingContainers(host: Host, topology: Topology): Living {
  const resolver = new IdentityResolver(host);
  const containers = new Set<string>();
  let isWhole = isComplete(topology.gaps.list().filter(({ reason }) => reason !== 'gone'));
  for (const pid of [...topology.scan.processes, ...topology.scan.closed]) {
    const reading = resolver.identify(pid);
    const identity = valueOf(reading);
    if (!reading.ok && reading.gap.reason !== 'gone') isWhole = false;
    for (const one of identity === undefined ? [] : [identity, ...(identity.outer ?? [])])
      if (one.id !== null) containers.add(one.id);
  }
  const hasHidden = [...topology.ends.values()].some((ends) =>
    [...ends.values()].some(({ state }) => state === 'hidden'),
  );
  return { containers, isComplete: isWhole && !hasHidden };
}
