// S: what else keeps a process in: no_new_privs, seccomp, security modules, ids, groups, who traces it.

import { CAPABILITY } from '../../kernel/abi/capability.ts';
import { idHere } from '../user-ids.ts';
import type { Evidence } from './evidence.ts';
import { check, type Check } from './check.ts';
import type { Found, Severity } from './findings.ts';

/** Of a process of the host's these are as they are everywhere: only told. */
function ifContained(contained: boolean, severity: Severity): Severity {
  return contained ? severity : 'info';
}

export const securityChecks: readonly Check[] = [
  check(
    'S1',
    'low',
    'all',
    ['noNewPrivileges', 'contained', 'credentials', 'standing', 'pid'],
    (evidence, severity) => {
      const { noNewPrivileges, contained, standing, pid } = evidence;
      if (noNewPrivileges) return [];
      const weight = standing.uidInside === 0 ? severity : 'medium';
      const args = { uid: standing.uidInside };
      return [{ severity: ifContained(contained, weight), args, evidence: [`/proc/${pid}/status: NoNewPrivs 0`] }];
    },
  ),

  check('S2', 'medium', 'all', ['seccomp', 'contained', 'standing', 'sets', 'pid'], (evidence, severity) => {
    const { seccomp, contained, standing, sets, pid } = evidence;
    if (seccomp !== 0) return [];
    const admin = standing.scope === 'host' && ((sets.effective | sets.permitted) & CAPABILITY.SYS_ADMIN) !== 0n;
    const weight = ifContained(contained, admin ? 'high' : severity);
    return [{ severity: weight, args: { sys_admin: admin }, evidence: [`/proc/${pid}/status: Seccomp 0`] }];
  }),

  check('S3', 'medium', 'all', ['label', 'contained', 'pid'], ({ label, contained, pid }, severity) => {
    if (label === null || !isUnconfined(label)) return [];
    const evidence = [`/proc/${pid}/attr/current: ${label}`];
    return [{ severity: ifContained(contained, severity), args: { label }, evidence }];
  }),

  check('S4', 'medium', 'all', ['standing', 'contained', 'credentials', 'pid'], (evidence, severity) => {
    const { standing, contained, credentials, pid } = evidence;
    if (standing.uidInside !== 0 && !standing.hostRoot) return [];
    // As root of the host without an id inside, no other finding tells of it.
    const isHosts = standing.initialUser || (standing.hostRoot && standing.uidInside === null);
    const weight = ifContained(contained, isHosts ? severity : 'info');
    const line = `/proc/${pid}/status: Uid ${credentials.uids.join(' ')}`;
    return [{ severity: weight, args: { host_uid: credentials.uids[1] ?? null }, evidence: [line] }];
  }),

  check('S5', 'medium', 'all', ['credentials', 'standing', 'user', 'pid'], (evidence, severity) => {
    const { credentials, user, pid } = evidence;
    const [real, effective, saved, fs] = credentials.uids;
    const root = idHere(user.uids ?? [], 0);
    const regains = effective !== root && (real === root || saved === root) && root !== undefined && root !== null;
    if (real === effective && effective === saved && effective === fs) return [];
    const args = { real: real ?? null, effective: effective ?? null, saved: saved ?? null, fs: fs ?? null, regains };
    return [{ severity, args, evidence: [`/proc/${pid}/status: Uid ${credentials.uids.join(' ')}`] }];
  }),

  check('S6', 'high', 'all', ['credentials', 'standing', 'user', 'hostGroups', 'insideGroups', 'pid'], strongGroups),

  check('S7', 'low', 'contained', ['oomScoreAdj', 'pid'], ({ oomScoreAdj, pid }, severity) => {
    if (oomScoreAdj > SPARED) return [];
    const evidence = [`/proc/${pid}/oom_score_adj: ${oomScoreAdj}`];
    return [{ severity, args: { oom_score_adj: oomScoreAdj }, evidence }];
  }),

  check('S8', 'info', 'all', ['tracer', 'pid'], ({ tracer, pid }, severity) => {
    return tracer === 0 ? [] : [{ severity, evidence: [`/proc/${pid}/status: TracerPid ${tracer}`] }];
  }),
];

/** At -1000 the kernel never chooses it. */
const SPARED = -900;

/** AppArmor: `unconfined`, with its mode in parentheses. SELinux: the type is the third field; spc_t is a privileged container's. */
function isUnconfined(label: string): boolean {
  if (/^unconfined(?: \([a-z]+\))?$/.test(label)) return true;
  const [, , type] = label.split(':');
  return type === 'unconfined_t' || type === 'spc_t' || type === 'unconfined_service_t';
}

const GROUPS: Readonly<Record<string, Severity>> = {
  docker: 'high',
  lxd: 'high',
  'incus-admin': 'high',
  disk: 'high',
  kvm: 'medium',
  shadow: 'medium',
  sudo: 'medium',
  wheel: 'medium',
};

/** Root has no need of a group. The number is what counts: by the host's names, and inside by those of the target. */
function strongGroups({
  credentials,
  standing,
  user,
  hostGroups,
  insideGroups,
  pid,
}: Pick<Evidence, 'credentials' | 'standing' | 'user' | 'hostGroups' | 'insideGroups' | 'pid'>): readonly Found[] {
  if (standing.uidInside === 0) return [];
  const held = new Set([...credentials.gids, ...credentials.groups]);
  const evidence = [`/proc/${pid}/status: Groups ${[...held].toSorted((a, b) => a - b).join(' ')}`];
  return Object.entries(GROUPS).flatMap(([group, severity]): Found[] => {
    const gid = hostGroups.get(group);
    if (gid !== undefined && held.has(gid)) return [{ severity, args: { group, gid, named_by: 'host' }, evidence }];
    const own = insideGroups.get(group);
    const here = own === undefined ? undefined : standing.initialUser ? own : idHere(user.gids ?? [], own);
    if (here === undefined || here === null || !held.has(here)) return [];
    return [{ severity: 'info', args: { group, gid: here, named_by: 'target' }, evidence }];
  });
}
