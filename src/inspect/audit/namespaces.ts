// N: what of the host's namespaces a contained process shares, whose ids it has, whose namespaces it is in.

import { displayName } from '../../containers/display-name.ts';
import { containerKey, type Identity } from '../../containers/identity.ts';
import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { valueOf, type Gap } from '../../kernel/host.ts';
import { parseNamespaceLink } from '../../kernel/text/namespace-link.ts';
import { idInside } from '../user-ids.ts';
import type { Evidence, Share } from './evidence.ts';
import { check, type Check } from './check.ts';
import type { Found, Severity } from './findings.ts';
import type { Surroundings } from './surroundings.ts';

type SharedKind = 'pid' | 'net' | 'ipc' | 'uts';

function sharing(code: string, kind: SharedKind, severity: Severity): Check {
  const key = `share_${kind}` as const;
  return check(code, severity, 'contained', [key, 'links', 'pid'], (evidence) => {
    return shared(evidence[key], severity, linkEvidence(evidence, kind));
  });
}

/** Of a namespace of ours that is not the host's it is only said. */
function shared(share: Share, severity: Severity, evidence: readonly string[]): readonly Found[] {
  switch (share) {
    case 'own':
      return [];
    case 'host':
      return [{ severity, args: { with: 'host', observer_may_be_host: null }, evidence }];
    case 'perhaps':
      return [{ severity, args: { with: 'observer', observer_may_be_host: true }, evidence }];
    case 'together':
      return [{ severity: 'info', args: { with: 'observer', observer_may_be_host: true }, evidence }];
    case 'ours':
      return [{ severity: 'info', args: { with: 'observer', observer_may_be_host: false }, evidence }];
  }
}

function linkEvidence({ links, pid }: Pick<Evidence, 'links' | 'pid'>, kind: NamespaceKind): readonly string[] {
  const link = links(kind);
  return link.ok ? [`/proc/${pid}/ns/${kind}: ${link.value}`] : [`/proc/${pid}/status: NSpid has one number`];
}

export const namespaceChecks: readonly Check[] = [
  sharing('N1', 'pid', 'high'),
  sharing('N2', 'net', 'high'),
  sharing('N3', 'ipc', 'medium'),
  sharing('N4', 'uts', 'low'),

  check('N5', 'critical', 'contained', ['identity', 'share_mnt', 'links', 'pid'], (evidence, severity) => {
    const { identity, share_mnt: share } = evidence;
    if (identity.role !== 'payload') return [];
    return shared(share, severity, linkEvidence(evidence, 'mnt'));
  }),

  check('N6', 'info', 'contained', ['share_cgroup', 'links', 'pid', 'hostMounts'], (evidence) => {
    const { share_cgroup: share, hostMounts } = evidence;
    // Only version 1 has files in it that act on the host.
    const isFirst = hostMounts.some(({ fsType }) => fsType === 'cgroup');
    return shared(share, isFirst ? 'low' : 'info', linkEvidence(evidence, 'cgroup'));
  }),

  check('N7', 'medium', 'contained', ['standing', 'credentials', 'pid'], ({ standing, credentials, pid }, severity) => {
    if (!standing.initialUser || credentials.uids[1] !== 0) return [];
    return [{ severity, evidence: [`/proc/${pid}/status: Uid ${credentials.uids.join(' ')}`, `/proc/${pid}/uid_map`] }];
  }),

  check('N8', 'high', 'contained', ['standing', 'user', 'pid'], ({ standing, user, pid }, severity) => {
    if (!standing.mapsHostRoot) return [];
    const inside = idInside(user.uids ?? [], 0) ?? null;
    return [{ severity, args: { inside }, evidence: [`/proc/${pid}/uid_map: uid 0 of the host is ${inside} inside`] }];
  }),

  check('N9', 'low', 'contained', ['standing', 'user', 'links', 'around', 'pid'], setgroupsAllowed),

  check('N10', 'info', 'contained', ['identity', 'links', 'around', 'pid'], ofOtherContainers),

  check('N11', 'info', 'all', ['standing', 'sets', 'links', 'around', 'pid'], ownedByOthers),
];

/** A plain user who made the map may take a group away from himself that a file's mode refuses. */
function setgroupsAllowed(
  { standing, user, links, around, pid }: Pick<Evidence, 'standing' | 'user' | 'links' | 'around' | 'pid'>,
  severity: Severity,
): readonly Found[] | Gap {
  if (standing.initialUser || user.setgroups !== 'allow' || (user.gids ?? []).length === 0) return [];
  const link = links('user');
  if (!link.ok) return link.gap;
  const owner = around.relation(link.value, `/proc/${pid}/ns/user`, ['NS_GET_OWNER_UID']);
  if (!owner.ok) return owner.gap;
  if (owner.value === 0n) return [];
  return [{ severity, args: { owner: Number(owner.value) }, evidence: [`/proc/${pid}/setgroups: allow`] }];
}

const MIXED: readonly NamespaceKind[] = ['net', 'pid', 'ipc'];

/** The containers of a pod share these by design. */
function ofOtherContainers(
  { identity, links, around, pid }: Pick<Evidence, 'identity' | 'links' | 'around' | 'pid'>,
  severity: Severity,
): readonly Found[] | Gap {
  if (identity.role !== 'payload') return [];
  const found: Found[] = [];
  for (const kind of MIXED) {
    const link = links(kind);
    if (!link.ok) return link.gap;
    const id = parseNamespaceLink(link.value, `/proc/${pid}/ns/${kind}`);
    if (!id.ok) return id.gap;
    if (around.isInitial(kind, id.value.inode) !== false) continue;
    const containers = namesOfOthers(around, identity, link.value);
    const evidence = [`/proc/${pid}/ns/${kind}: ${link.value}`];
    if (containers.length > 0) found.push({ severity, args: { kind, containers }, evidence });
  }
  return found;
}

function namesOfOthers(around: Surroundings, identity: Identity, link: string): readonly string[] {
  const own = containerKey(identity);
  const names = [...around.containersIn(link)].flatMap(([key, pid]) => {
    const other = key === own ? undefined : valueOf(around.resolver.identify(pid));
    if (other === undefined || (other.podUid !== null && other.podUid === identity.podUid)) return [];
    return [displayName(other) ?? String(pid)];
  });
  return names.toSorted();
}

const OWNED: readonly NamespaceKind[] = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'];

/**
 * In a namespace of somebody above its capabilities do nothing; with capabilities of the host in what a user namespace
 * below owns it is stronger than all who live there.
 */
function ownedByOthers({
  standing,
  sets,
  links,
  around,
  pid,
}: Pick<Evidence, 'standing' | 'sets' | 'links' | 'around' | 'pid'>): readonly Found[] | Gap {
  const user = links('user');
  const own = user.ok ? parseNamespaceLink(user.value, `/proc/${pid}/ns/user`) : user;
  if (!own.ok) return own.gap;
  const kinds: NamespaceKind[] = [];
  const evidence: string[] = [];
  for (const kind of OWNED) {
    const link = links(kind);
    // A kernel may lack the kind.
    if (!link.ok && link.gap.reason === 'gone') continue;
    if (!link.ok) return link.gap;
    const owner = around.relation(link.value, `/proc/${pid}/ns/${kind}`, ['NS_GET_USERNS']);
    // Beyond our own user namespace the kernel shows nothing.
    if (!owner.ok && owner.gap.errno !== 'EPERM') return owner.gap;
    if (owner.ok && owner.value === own.value.inode) continue;
    kinds.push(kind);
    const whose = owner.ok ? `user:[${owner.value}]` : 'a user namespace beyond our view';
    evidence.push(`/proc/${pid}/ns/${kind}: ${link.value}, owned by ${whose}`);
  }
  if (kinds.length === 0) return [];
  const isAbove = standing.initialUser;
  const over = isAbove && sets.effective !== 0n && kinds.includes('mnt');
  return [{ severity: over ? 'high' : 'info', args: { kinds, stronger: isAbove }, evidence }];
}
