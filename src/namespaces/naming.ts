// What a person calls a namespace: the container or pod in it, the name that ip-netns(8) gave it, the unit.

import { displayName } from '../containers/display-name.ts';
import { IdentityResolver } from '../containers/identify.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import { nameOfPath } from './discover/names.ts';
import type { Namespace } from './discover/scan.ts';

export class Naming {
  private readonly resolver: IdentityResolver;

  constructor(host: Host) {
    this.resolver = new IdentityResolver(host);
  }

  /** In a form that is a target; `pid` is the process that stands for it. Absent (null): it has no name. */
  nameOf(namespace: Namespace, pid: number | undefined): string | null {
    const identity = pid === undefined ? undefined : valueOf(this.resolver.identify(pid));
    if (identity?.role === 'payload') return displayName(identity);
    const named = [...namespace.mounts, ...namespace.foreignMounts].map(nameOfPath).find((name) => name !== undefined);
    if (named !== undefined) return `netns:${named}`;
    return identity === undefined ? null : displayName(identity);
  }
}
