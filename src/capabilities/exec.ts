// What execve(2) makes of credentials, term by term. Pure: who asks brings what the kernel would look at.
// Source: capabilities(7), security/commoncap.c cap_bprm_creds_from_file(), fs/exec.c bprm_fill_uid().

import { CAPABILITY } from '../kernel/abi/capability.ts';
import { SECBIT_KEEP_CAPS, SECBIT_NOROOT } from './securebits.ts';
import type { CapabilitySets } from './sets.ts';

/** Who calls it. All ids as the reader's user namespace maps them. */
export interface ExecCaller {
  /** Real, effective, saved, of file systems. */
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  readonly groups: readonly number[];
  readonly sets: CapabilitySets;
  /** SECBIT_*, or-ed. */
  readonly securebits: number;
  readonly noNewPrivileges: boolean;
  /** By a process that had no CAP_SYS_PTRACE in the caller's user namespace when it began. */
  readonly traced: boolean;
  /** Another process has the same root and working directory by CLONE_FS. */
  readonly sharesFs: boolean;
  /** What uid 0 of its user namespace is; null: nobody. */
  readonly root: number | null;
}

/** The file whose bits count: of a script its interpreter. */
export interface ExecFile {
  /** As of stat(2). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Do owner and group exist in the caller's user namespace? */
  readonly ownersMapped: boolean;
  /** Why nothing of the file counts: its mount has nosuid, or is of a user namespace that is not around the caller's. */
  readonly untrusted: 'nosuid' | 'foreign' | null;
  /** Absent (null): no valid attribute. */
  readonly capabilities: ExecFileCapabilities | null;
}

/** What security.capability says. */
export interface ExecFileCapabilities {
  readonly permitted: bigint;
  readonly inheritable: bigint;
  readonly effective: boolean;
  /** Is their root (uid 0, or the rootid) root of the caller's user namespace or of one around it? */
  readonly ofRoot: boolean;
}

export interface ExecRules {
  /** Every capability that the kernel knows. */
  readonly all: bigint;
  /**
   * Linux 6.16: "ids changed" compares with the effective ids and the groups that the caller had; before that with its
   * real ids. Source: commit "exec: Correct the permission check for unsafe exec".
   */
  readonly comparesEffective: boolean;
}

export type ExecReasonCode =
  | 'setuid'
  | 'setgid'
  | 'setgid_without_execute'
  | 'set_ids_nosuid'
  | 'set_ids_foreign'
  | 'set_ids_no_new_privileges'
  | 'set_ids_unmapped'
  | 'ids_reverted'
  | 'file_capabilities_nosuid'
  | 'file_capabilities_foreign'
  | 'file_capabilities_root'
  | 'file_permitted'
  | 'bounded'
  | 'file_inheritable'
  | 'forced_missing'
  | 'root'
  | 'root_noroot'
  | 'root_file_capabilities'
  | 'limited_no_new_privileges'
  | 'limited_traced'
  | 'limited_shared_fs'
  | 'ambient_added'
  | 'permitted_lost'
  | 'effective_root'
  | 'effective_flag'
  | 'effective_ambient'
  | 'ambient_kept'
  | 'ambient_file_capabilities'
  | 'ambient_ids'
  | 'inheritable_kept'
  | 'bounding_kept'
  | 'keep_caps_cleared';

/** One term of the result. */
export interface ExecReason {
  readonly about: 'ids' | keyof CapabilitySets | 'securebits';
  readonly code: ExecReasonCode;
  /** Which capabilities it gives, takes or lacks. */
  readonly capabilities: bigint;
}

/** Who it is afterwards. */
export interface ExecResult {
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  readonly sets: CapabilitySets;
  readonly securebits: number;
  /** AT_SECURE: the dynamic linker ignores LD_PRELOAD and its kin. Source: getauxval(3). */
  readonly secure: boolean;
}

export interface ExecPrediction {
  /** Absent (null): it fails with EPERM. */
  readonly after: ExecResult | null;
  readonly reasons: readonly ExecReason[];
}

const [S_ISUID, S_ISGID, S_IXGRP] = [0o4000, 0o2000, 0o010];

export function predictExec(caller: ExecCaller, file: ExecFile, rules: ExecRules): ExecPrediction {
  const reasons: ExecReason[] = [];
  const say = (about: ExecReason['about'], code: ExecReasonCode, capabilities = 0n): void => {
    reasons.push({ about, code, capabilities });
  };
  const ids = idsOf(caller, file, say);
  const given = fileCapabilities(caller, file, rules, say);
  if (given === 'EPERM') return { after: null, reasons };
  const root = rootOverride(caller, ids, given, say);
  const permitted = root.permitted ?? given.permitted;
  const safe = limit(caller, ids, permitted, rules, say);
  const isPrivileged = given.has || safe.changed;
  const sets = finish(caller, { ...safe, isPrivileged, given, root }, say);
  return {
    after: {
      ...idsAfter(caller, safe),
      ...sets,
      secure: isSecure(caller, safe, sets.sets, given.effective || root.effective),
    },
    reasons,
  };
}

type Say = (about: ExecReason['about'], code: ExecReasonCode, capabilities?: bigint) => void;

interface Ids {
  readonly euid: number;
  readonly egid: number;
}

/** The set-user-id and set-group-id bits. */
function idsOf({ uids, gids, noNewPrivileges }: ExecCaller, file: ExecFile, say: Say): Ids {
  const own = { euid: uids[1] ?? 0, egid: gids[1] ?? 0 };
  const { mode } = file;
  if ((mode & (S_ISUID | S_ISGID)) === 0) return own;
  if (file.untrusted !== null) say('ids', `set_ids_${file.untrusted}`);
  else if (noNewPrivileges) say('ids', 'set_ids_no_new_privileges');
  else if (!file.ownersMapped) say('ids', 'set_ids_unmapped');
  else {
    const isSetuid = (mode & S_ISUID) !== 0;
    const isSetgid = (mode & S_ISGID) !== 0 && (mode & S_IXGRP) !== 0;
    if (isSetuid) say('ids', 'setuid');
    if ((mode & S_ISGID) !== 0) say('ids', isSetgid ? 'setgid' : 'setgid_without_execute');
    return { euid: isSetuid ? file.uid : own.euid, egid: isSetgid ? file.gid : own.egid };
  }
  return own;
}

interface Given {
  /** There is an attribute, even an empty one. */
  readonly has: boolean;
  readonly permitted: bigint;
  readonly effective: boolean;
}

/** Step 1: P' = (X & fP) | (I & fI), refused where the file wants more. */
function fileCapabilities({ sets }: ExecCaller, file: ExecFile, { all }: ExecRules, say: Say): Given | 'EPERM' {
  const none = { has: false, permitted: 0n, effective: false };
  const { capabilities } = file;
  if (capabilities === null) return none;
  if (file.untrusted !== null || !capabilities.ofRoot) {
    say('permitted', `file_capabilities_${file.untrusted ?? 'root'}`);
    return none;
  }
  const { bounding, inheritable } = sets;
  const forced = capabilities.permitted & all;
  const fromFile = forced & bounding;
  const inherited = capabilities.inheritable & all & inheritable;
  const permitted = fromFile | inherited;
  const missing = forced & ~permitted;
  if (capabilities.effective && missing !== 0n) {
    say('permitted', 'forced_missing', missing);
    return 'EPERM';
  }
  if (fromFile !== 0n) say('permitted', 'file_permitted', fromFile);
  if (missing !== 0n) say('permitted', 'bounded', missing);
  if (inherited !== 0n) say('permitted', 'file_inheritable', inherited);
  return { has: true, permitted, effective: capabilities.effective };
}

interface Override {
  /** Absent: root is no matter. */
  readonly permitted?: bigint;
  readonly effective: boolean;
}

/** Step 2: who is or becomes root has the bounding set and the inheritable one. */
function rootOverride({ uids, sets, securebits, root }: ExecCaller, { euid }: Ids, { has }: Given, say: Say): Override {
  const isReal = root !== null && uids[0] === root;
  const isEffective = root !== null && euid === root;
  if (!isReal && !isEffective) return { effective: false };
  if ((securebits & SECBIT_NOROOT) !== 0) {
    say('permitted', 'root_noroot');
    return { effective: false };
  }
  if (has && !isReal) {
    say('permitted', 'root_file_capabilities');
    return { effective: false };
  }
  const permitted = sets.bounding | sets.inheritable;
  say('permitted', 'root', permitted);
  return { permitted, effective: isEffective };
}

interface Limited extends Ids {
  readonly permitted: bigint;
  /** Did the ids change, before they were reverted? */
  readonly changed: boolean;
}

/** Step 3: who is watched, or has renounced, gets no more than it had. */
function limit(caller: ExecCaller, ids: Ids, permitted: bigint, rules: ExecRules, say: Say): Limited {
  const { uids, gids, groups, sets, noNewPrivileges } = caller;
  const changed = rules.comparesEffective
    ? ids.euid !== uids[1] || (ids.egid !== gids[3] && !groups.includes(ids.egid))
    : ids.euid !== uids[0] || ids.egid !== gids[0];
  const gained = permitted & ~sets.permitted;
  const unsafe = unsafeBy(caller);
  if (unsafe === null || (!changed && gained === 0n)) return { ...ids, permitted, changed };
  if (gained !== 0n) say('permitted', unsafe, gained);
  const kept = { permitted: permitted & sets.permitted, changed };
  if ((sets.effective & CAPABILITY.SETUID) !== 0n && !noNewPrivileges) return { ...ids, ...kept };
  const reverted = { euid: uids[0] ?? 0, egid: gids[0] ?? 0 };
  if (reverted.euid !== ids.euid || reverted.egid !== ids.egid) say('ids', 'ids_reverted');
  return { ...reverted, ...kept };
}

function unsafeBy({ noNewPrivileges, sharesFs, traced }: ExecCaller): ExecReasonCode | null {
  if (noNewPrivileges) return 'limited_no_new_privileges';
  if (sharesFs) return 'limited_shared_fs';
  return traced ? 'limited_traced' : null;
}

interface Terms extends Limited {
  readonly isPrivileged: boolean;
  readonly given: Given;
  readonly root: Override;
}

/** Steps 4 and 5: the ambient set, and what follows from it. */
function finish({ sets, securebits }: ExecCaller, terms: Terms, say: Say): Pick<ExecResult, 'sets' | 'securebits'> {
  const { given, root } = terms;
  const ambient = terms.isPrivileged ? 0n : sets.ambient;
  if (sets.ambient !== 0n) {
    const cleared = given.has ? 'ambient_file_capabilities' : 'ambient_ids';
    say('ambient', terms.isPrivileged ? cleared : 'ambient_kept', sets.ambient);
  }
  const permitted = terms.permitted | ambient;
  if ((ambient & ~terms.permitted) !== 0n) say('permitted', 'ambient_added', ambient & ~terms.permitted);
  const lost = sets.permitted & ~permitted;
  if (lost !== 0n) say('permitted', 'permitted_lost', lost);
  const isEffective = given.effective || root.effective;
  const effective = isEffective ? permitted : ambient;
  if (root.effective) say('effective', 'effective_root', effective);
  else say('effective', isEffective ? 'effective_flag' : 'effective_ambient', effective);
  if (sets.inheritable !== 0n) say('inheritable', 'inheritable_kept', sets.inheritable);
  say('bounding', 'bounding_kept', sets.bounding);
  if ((securebits & SECBIT_KEEP_CAPS) !== 0) say('securebits', 'keep_caps_cleared');
  const { inheritable, bounding } = sets;
  return {
    sets: { effective, permitted, inheritable, bounding, ambient },
    securebits: securebits & ~SECBIT_KEEP_CAPS,
  };
}

/** The saved ids and those of file systems follow the effective ones. */
function idsAfter({ uids, gids }: ExecCaller, { euid, egid }: Ids): Pick<ExecResult, 'uids' | 'gids'> {
  return { uids: [uids[0] ?? 0, euid, euid, euid], gids: [gids[0] ?? 0, egid, egid, egid] };
}

function isSecure(
  { uids, gids, root }: ExecCaller,
  { euid, egid, changed }: Limited,
  { permitted, ambient }: CapabilitySets,
  effective: boolean,
): boolean {
  if (changed) return true;
  if (euid !== uids[0] || egid !== gids[0]) return true;
  return uids[0] !== root && (effective || (permitted & ~ambient) !== 0n);
}
