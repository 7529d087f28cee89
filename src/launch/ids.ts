// Who the command runs as, after a user namespace was entered or when ids were asked for.

import { ERRNO } from '../kernel/abi/errno.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import type { Explanation, Operation, Step } from '../kernel/program.ts';
import { isMapped, parseIdMap, type IdRange } from '../kernel/text/id-map.ts';
import { decodeText } from '../kernel/text/text.ts';
import { joinsUser, type Door } from './doors.ts';
import type { EnterQuery, WantedId } from './enter-query.ts';
import { failureStatus } from './explain-enter.ts';
import { noGroups, noId } from './rule.ts';
import { GROUPS_MARK, PROCESS_SLOT, step } from './step.ts';

/** A change of ids was asked for, or follows from entering a user namespace. */
function changesGroups(query: EnterQuery, joined: readonly Door[]): boolean {
  return query.gid !== undefined || (joinsUser(joined) && !query.preserveCredentials);
}

/** While still outside: there it may be allowed. */
export function leaveGroups(query: EnterQuery, joined: readonly Door[]): readonly Step[] {
  if (!changesGroups(query, joined) || !joinsUser(joined)) return [];
  return [
    step(
      'drop supplementary groups',
      'outside the user namespace the caller may be allowed to, inside it may be denied',
      { op: 'setgroups', gids: [] },
      { try: true, mark: GROUPS_MARK },
    ),
  ];
}

/** The ids to have, and whether they were asked for or follow from nsenter's rule (0 in a user namespace). */
export function changeIds(host: Host, query: EnterQuery, joined: readonly Door[]): readonly Step[] {
  const byDefault = joinsUser(joined) && !query.preserveCredentials;
  const user = joined.find((door) => door.kind === 'user');
  const maps = byDefault && user?.ofProcess === true && query.pid !== undefined ? readMaps(host, query.pid) : undefined;
  const gid = query.gid ?? (byDefault && isMappedOrUnknown(maps?.gids) ? 0 : undefined);
  const uid = query.uid ?? (byDefault && isMappedOrUnknown(maps?.uids) ? 0 : undefined);
  return [
    ...dropGroups(query, joined, maps?.setgroups),
    ...(gid === undefined ? [] : [become('gid', gid, query.gid === undefined ? undefined : 'asked for')]),
    ...(uid === undefined ? [] : [become('uid', uid, query.uid === undefined ? undefined : 'asked for')]),
  ];
}

/** What entering leaves of the rights of who enters, where that is nothing: said, as nobody expects it of root. */
export function powerlessNote(host: Host, query: EnterQuery, joined: readonly Door[]): string | undefined {
  const user = joined.find((door) => door.kind === 'user');
  const { pid, uid, preserveCredentials, keepCapabilities: keeps, asTarget } = query;
  if (user?.ofProcess !== true || pid === undefined || uid !== undefined) return undefined;
  if (preserveCredentials || keeps === true || asTarget?.has('ids') === true) return undefined;
  if (isMappedOrUnknown(readMaps(host, pid).uids)) return undefined;
  return `uid 0 is not mapped in user:[${user.inode}]: the command keeps our uid, and has no capabilities there; --keep-caps keeps them`;
}

function dropGroups(query: EnterQuery, joined: readonly Door[], setgroups: string | undefined): readonly Step[] {
  if (!changesGroups(query, joined)) return [];
  const more: Partial<Step> = joinsUser(joined) ? { mark: GROUPS_MARK, once: true } : {};
  // Denied groups stay as they are: that is what setgroups=deny is for.
  const forgive = query.gid === undefined || setgroups === 'deny';
  return [
    step(
      'drop supplementary groups',
      'the caller has no business with its groups there; skipped where done already',
      { op: 'setgroups', gids: [] },
      { ...more, ...(forgive ? { try: true } : { explanations: [keptGroups] }) },
    ),
  ];
}

/** The gid comes before the uid, which takes the right to change it. `asked`: why; undefined: nobody asked for it. */
export function become(what: 'uid' | 'gid', id: WantedId, asked: string | undefined): Step {
  const order = what === 'gid' ? '; before the uid, which takes the right to do so' : '';
  if (id === 'follow') {
    const operation: Operation = { op: what === 'gid' ? 'gid_of' : 'uid_of', slot: PROCESS_SLOT };
    return step(
      `set${what} of the target`,
      `asked for: its effective ${what}, as it is called in there${order}`,
      operation,
      idFailure(`the ${what} of the target`, what),
    );
  }
  const reason = asked ?? 'the root of the user namespace, as nsenter(1) does; --preserve-credentials keeps the ids';
  const operation: Operation = what === 'gid' ? { op: 'setgid', gid: id } : { op: 'setuid', uid: id };
  // An id that nobody asked for and that is not mapped there is left alone.
  return step(
    `set${what} ${id}`,
    `${reason}${order}`,
    operation,
    asked === undefined ? { try: true } : idFailure(`${what} ${id}`, what),
  );
}

/** Only with a user namespace, whose capabilities would be lost by an exec that is not root's. */
export function keepCapabilities(query: EnterQuery, joined: readonly Door[]): readonly Step[] {
  if (query.keepCapabilities !== true || !joinsUser(joined)) return [];
  return [
    step('keep the capabilities', 'asked for: made ambient, they outlive exec without root', {
      op: 'ambient',
      mask: EVERY_CAPABILITY,
    }),
  ];
}

const EVERY_CAPABILITY = (1n << 64n) - 1n;

const keptGroups: Explanation = {
  errno: ERRNO.EPERM,
  status: failureStatus,
  text: `nstool: ${noGroups.what}\n  why: ${noGroups.why}\n`,
};

function idFailure(id: string, what: 'uid' | 'gid'): Partial<Step> {
  const failure = (errno: 'EINVAL' | 'EPERM', text: string, why: string): Explanation => ({
    errno: ERRNO[errno],
    status: failureStatus,
    text: `nstool: ${text}\n  why: ${why}\n`,
  });
  const denied = noId(what, id);
  return {
    explanations: [
      failure('EINVAL', `cannot become ${id}: EINVAL`, `${id} is not mapped in that user namespace`),
      failure('EPERM', denied.what, denied.why),
    ],
  };
}

export interface IdMaps {
  readonly uids: readonly IdRange[] | undefined;
  readonly gids: readonly IdRange[] | undefined;
  readonly setgroups: string | undefined;
}

export function readMaps(host: Host, pid: number): IdMaps {
  const map = (name: string): readonly IdRange[] | undefined => {
    const path = `/proc/${pid}/${name}`;
    const bytes = valueOf(host.readFile(path));
    return bytes === undefined ? undefined : valueOf(parseIdMap(bytes, path));
  };
  const setgroups = valueOf(host.readFile(`/proc/${pid}/setgroups`));
  return {
    uids: map('uid_map'),
    gids: map('gid_map'),
    setgroups: setgroups === undefined ? undefined : decodeText(setgroups).trim(),
  };
}

function isMappedOrUnknown(map: readonly IdRange[] | undefined): boolean {
  return map === undefined || isMapped(map, 0);
}
