// What a person calls the owner of a cgroup: the container or pod, else the unit.

import { containerName, displayName } from '../../containers/display-name.ts';
import { IdentityResolver } from '../../containers/identify.ts';
import type { Identity } from '../../containers/identity.ts';
import type { ProcessTable } from '../../cgroups/processes.ts';
import type { WalkedGroup } from '../../cgroups/walk.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';

/** By path, in a form that is a target. Those that nobody is known of are left out. */
export function ownersOf(
  host: Host,
  groups: readonly WalkedGroup[],
  processes: () => ProcessTable,
  gaps: GapTally,
): ReadonlyMap<string, string> {
  const resolver = new IdentityResolver(host);
  const identities = new Map(
    groups.map((group): [string, Identity] => {
      const member = (): number | undefined => group.places.flatMap((place) => processes().in(place).slice(0, 1))[0];
      return [group.path, resolver.ofCgroup(group.path, member)];
    }),
  );
  const pods = podNames(identities.values());
  const owners = new Map<string, string>();
  const told = new Set<string>();
  for (const [path, identity] of identities) {
    for (const gap of identity.gaps) {
      // All cgroups of a container lack the same files.
      if (!told.has(gap.what)) gaps.add('name', gap);
      told.add(gap.what);
    }
    const { id, podUid, unit } = identity;
    const pod = podUid === null || id !== null ? null : (pods.get(podUid) ?? containerName(identity));
    const name = pod ?? displayName(identity) ?? (unit === null ? null : `unit:${unit}`);
    if (name !== null) owners.set(path, name);
  }
  return owners;
}

/** The cgroup of a pod tells its uid only; those of its containers lead to its name. */
function podNames(identities: Iterable<Identity>): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { podUid, pod, podNamespace } of identities) {
    if (podUid !== null && pod !== null && podNamespace !== null) names.set(podUid, `pod:${podNamespace}/${pod}`);
  }
  return names;
}
