// `enter --as-target`: the command is made what the target process is, as docker exec makes one beside a container's
// first. What cannot be copied is told, and is no failure.
//
// The order, and why: filters are read first, as the target is then pinned; what needs a right of ours outside, or our
// own /proc, comes before the first setns. Inside, the sets of capabilities come around the ids, as a change of the uid
// takes what is effective and clears what is ambient; limits and umask come after all that opens or forks; then
// no_new_privs, as exec must add nothing after it; the filters last, as they hold for nsexec, too.

import { PR_SET_NO_NEW_PRIVS } from '../../kernel/abi/process.ts';
import type { Host } from '../../kernel/host.ts';
import type { Step } from '../../kernel/program.ts';
import type { Caller } from '../command.ts';
import { joinsUser, type Door } from '../doors.ts';
import type { EnterQuery } from '../enter-query.ts';
import { changeIds, leaveGroups, readMaps } from '../ids.ts';
import { step } from '../step.ts';
import { copyCapabilities, keepOverUid, useAgain } from './capabilities.ts';
import { readFacts, type Facts } from './facts.ts';
import { copyIds, type IdSteps } from './ids.ts';
import { copyLabel } from './label.ts';
import { copyLimits } from './limits.ts';
import { copyOom } from './oom.ts';
import type { AsTargetPart, Uncopied } from './part.ts';
import { copySeccomp } from './seccomp.ts';

/** What makes the command like the target, besides namespaces, directories, environment and cgroups. */
export interface Likeness {
  /** Right after the target was pinned. */
  readonly pinned: readonly Step[];
  /** When all is opened and nothing joined. */
  readonly outside: readonly Step[];
  /** When all is joined, instead of the usual change of ids. */
  readonly inside: readonly Step[];
  readonly uncopied: readonly Uncopied[];
}

/** Errors: NO_FILE, DENIED, PARSE: what the target is cannot be read at all. */
export function likeTarget(
  host: Host,
  query: EnterQuery,
  joined: readonly Door[],
  { openFiles }: Pick<Caller, 'openFiles'>,
): Likeness {
  const { pid, asTarget = new Set<AsTargetPart>() } = query;
  if (pid === undefined || asTarget.size === 0) return asUsual(host, query, joined);
  const facts = readFacts(host, pid, joinsUser(joined));
  const has = (part: AsTargetPart): boolean => asTarget.has(part);
  const ids = has('ids') ? idsOf(host, facts, query, joined) : usualIds(host, query, joined, facts);
  const capabilities = has('caps') ? copyCapabilities(facts, query.uid === undefined ? ids.uid : undefined) : undefined;
  const oom = has('oom') ? copyOom(host, facts) : undefined;
  const label = has('label') && query.followContext !== true ? copyLabel(host, pid) : undefined;
  const limits = has('limits') ? copyLimits(host, facts, openFiles) : undefined;
  const umask = has('umask') ? copyUmask(facts) : undefined;
  const privileges = has('nnp') ? copyNoNewPrivileges(facts) : undefined;
  const seccomp = has('seccomp') ? copySeccomp(facts) : undefined;
  const isLocked = has('nnp') && facts.theirs.masks.noNewPrivileges === true;
  const installs = seccomp !== undefined && seccomp.install.length > 0;
  const { masks } = facts.theirs;
  const inheritable = (capabilities === undefined ? undefined : masks.inheritable) ?? 0n;
  const keeps = (installs && !isLocked) || (capabilities !== undefined && (masks.ambient ?? 0n) !== 0n);
  return {
    pinned: seccomp?.read ?? [],
    outside: [...(label?.steps ?? []), ...(oom?.steps ?? []), ...(limits?.outside ?? []), ...ids.outside],
    inside: [
      ...(capabilities?.before ?? []),
      ...(keeps ? [keepOverUid] : []),
      ...ids.inside,
      ...(capabilities?.after ?? []),
      ...(limits?.inside ?? []),
      ...(umask?.steps ?? []),
      ...(isLocked ? (capabilities?.last ?? []) : []),
      ...(privileges?.steps ?? []),
      ...(installs && !isLocked ? [useAgain('a filter needs no_new_privs, or CAP_SYS_ADMIN', inheritable)] : []),
      ...(seccomp?.install ?? []),
    ],
    uncopied: [ids, capabilities, oom, label, limits, umask, privileges, seccomp].flatMap(
      (each) => each?.uncopied ?? [],
    ),
  };
}

function asUsual(host: Host, query: EnterQuery, joined: readonly Door[]): Likeness {
  const outside = leaveGroups(query, joined);
  return { pinned: [], outside, inside: changeIds(host, query, joined), uncopied: [] };
}

function usualIds(host: Host, query: EnterQuery, joined: readonly Door[], { ours, joinsUser: joins }: Facts): IdSteps {
  const { outside, inside } = asUsual(host, query, joined);
  const asked = typeof query.uid === 'number' ? query.uid : undefined;
  return { outside, inside, uid: asked ?? (joins ? undefined : ours.status.uids[0]), uncopied: [] };
}

function idsOf(host: Host, facts: Facts, query: EnterQuery, joined: readonly Door[]): IdSteps {
  const user = joined.find(({ kind }) => kind === 'user');
  const maps = user === undefined ? undefined : readMaps(host, facts.pid);
  const ofGid = { ...query, uid: undefined, preserveCredentials: true };
  const asked = query.gid === undefined ? undefined : asUsual(host, ofGid, joined);
  if (user === undefined || user.ofProcess) return copyIds(facts, query.uid, maps, asked);
  const why = 'what they are called in another user namespace than its own is not known';
  return { ...usualIds(host, query, joined, facts), uncopied: [{ what: 'ids', why }] };
}

type Copied = { readonly steps: readonly Step[]; readonly uncopied: readonly Uncopied[] };

function copyUmask({ theirs, ours }: Facts): Copied {
  const { umask: mask } = theirs.masks;
  if (mask === null)
    return { steps: [], uncopied: [{ what: 'umask', why: 'this kernel does not tell it (Linux 4.7)' }] };
  if (mask === ours.masks.umask) return { steps: [], uncopied: [] };
  const label = `set the umask to ${mask.toString(8).padStart(4, '0')}`;
  return { steps: [step(label, 'that of the target', { op: 'umask', mask })], uncopied: [] };
}

function copyNoNewPrivileges({ theirs, ours }: Facts): Copied {
  const what = 'no_new_privs';
  const { noNewPrivileges } = theirs.masks;
  if (noNewPrivileges === null)
    return { steps: [], uncopied: [{ what, why: 'this kernel does not tell it (Linux 4.10)' }] };
  if (noNewPrivileges === ours.masks.noNewPrivileges) return { steps: [], uncopied: [] };
  if (!noNewPrivileges)
    return { steps: [], uncopied: [{ what: 'no no_new_privs', why: 'we have it, and nobody gets rid of it' }] };
  const operation = { op: 'prctl', option: PR_SET_NO_NEW_PRIVS, args: [1n, 0n, 0n, 0n] } as const;
  return { steps: [step(`set ${what}`, 'as the target has: exec gains nothing', operation)], uncopied: [] };
}
