// The reasons of a prediction in words, made in this one place.

import { collapse } from '../../capabilities/expression.ts';
import type { ExecReason, ExecReasonCode } from '../../capabilities/exec.ts';
import type { Assumption } from './caller.ts';

/** `{}` stands for the capabilities. */
const texts: Record<ExecReasonCode, string> = {
  setuid: 'set-user-id: its owner becomes the effective uid',
  setgid: 'set-group-id: its group becomes the effective gid',
  setgid_without_execute: 'set-group-id does not count where the group may not execute the file',
  set_ids_nosuid: 'set-user-id and set-group-id do not count: the mount has nosuid',
  set_ids_foreign: 'set-user-id and set-group-id do not count: the mount is of another user namespace',
  set_ids_no_new_privileges: 'set-user-id and set-group-id do not count: no_new_privs is set',
  set_ids_unmapped: "set-user-id and set-group-id do not count: the file's owner or group is not in its user namespace",
  ids_reverted: 'the ids stay the real ones: the exec is unsafe, and CAP_SETUID is missing or no_new_privs is set',
  file_capabilities_nosuid: 'file capabilities do not count: the mount has nosuid',
  file_capabilities_foreign: 'file capabilities do not count: the mount is of another user namespace',
  file_capabilities_root:
    'file capabilities do not count: their root is not root of its user namespace or of one around it',
  file_permitted: '{} from the permitted set of the file',
  bounded: '{} of the file are withheld: not in the bounding set',
  file_inheritable: '{} inheritable in both, process and file',
  forced_missing: 'the file demands {}, not in the bounding set: with its effective bit that is EPERM, for root too',
  root: '{} as root: the bounding set and the inheritable one',
  root_noroot: 'root gets nothing for being root: SECBIT_NOROOT is set',
  root_file_capabilities: 'who becomes root by set-user-id gets the file capabilities only, as there are some',
  limited_no_new_privileges: '{} withheld: no_new_privs gives nothing that was not permitted before',
  limited_traced: '{} withheld: it is traced by who has no CAP_SYS_PTRACE there',
  limited_shared_fs: '{} withheld: another process shares its root and working directory',
  ambient_added: '{} from the ambient set',
  permitted_lost: '{} lost: nothing of the file, of root or of the ambient set gives them again',
  effective_root: 'all that is permitted: the effective uid is root',
  effective_flag: 'all that is permitted: the file has the effective bit',
  effective_ambient: 'the ambient set only: no effective bit, no effective root',
  ambient_kept: '{} kept: no file capabilities, and the ids do not change',
  ambient_file_capabilities: '{} cleared: the file has file capabilities, and an empty set of them is enough',
  ambient_ids: '{} cleared: the ids change',
  inheritable_kept: 'never changed by execve',
  bounding_kept: 'never changed by execve',
  keep_caps_cleared: 'SECBIT_KEEP_CAPS is cleared',
};

/** `all`: what the kernel knows, to shorten sets by. */
export function reasonText({ code, capabilities }: ExecReason, all: bigint): string {
  return texts[code].replace('{}', collapse(capabilities, all));
}

export const assumptionTexts: Record<Assumption, string> = {
  securebits: 'its securebits are 0: the kernel tells them nobody but itself (--secbits says otherwise)',
  shared_fs: 'no other process shares its root and working directory (CLONE_FS)',
  tracer: 'who traces it had its present capabilities when that began',
  kernel_version: 'the kernel is Linux 6.16 or later: it does not tell',
  mount_owner:
    'the mount is not of a user namespace below its own: then set-user-id and file capabilities would not count',
  path: 'PATH is that of its start',
  no_new_privileges: 'no_new_privs is not set: this kernel does not tell',
};
