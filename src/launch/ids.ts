// Who the command runs as, after a user namespace was entered or when ids were asked for.

import { ERRNO } from '../kernel/abi/errno.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import type { Explanation, Step } from '../kernel/program.ts';
import { isMapped, parseIdMap, type IdRange } from '../kernel/text/id-map.ts';
import { decodeText } from '../kernel/text/text.ts';
import { joinsUser, type Door } from './doors.ts';
import type { EnterQuery } from './enter-query.ts';
import { failureStatus } from './explain-enter.ts';
import { GROUPS_MARK, step } from './step.ts';

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
  const steps: Step[] = [];
  const byDefault = joinsUser(joined) && !query.preserveCredentials;
  const maps = byDefault && query.pid !== undefined ? readMaps(host, query.pid) : undefined;
  const gid = query.gid ?? (byDefault && isMappedOrUnknown(maps?.gids) ? 0 : undefined);
  const uid = query.uid ?? (byDefault && isMappedOrUnknown(maps?.uids) ? 0 : undefined);
  if (changesGroups(query, joined)) {
    const more: Partial<Step> = joinsUser(joined) ? { mark: GROUPS_MARK, once: true } : {};
    // Denied groups stay as they are: that is what setgroups=deny is for.
    const forgive = query.gid === undefined || maps?.setgroups === 'deny';
    steps.push(
      step(
        'drop supplementary groups',
        'the caller has no business with its groups there; skipped where done already',
        {
          op: 'setgroups',
          gids: [],
        },
        { ...more, ...(forgive ? { try: true } : { explanations: [keptGroups] }) },
      ),
    );
  }
  const reason = (asked: number | undefined): string =>
    asked === undefined
      ? 'the root of the user namespace, as nsenter(1) does; --preserve-credentials keeps the ids'
      : 'asked for';
  if (gid !== undefined) {
    steps.push(
      step(
        `setgid ${gid}`,
        `${reason(query.gid)}; before the uid, which takes the right to do so`,
        { op: 'setgid', gid },
        idFailure(query.gid, 'gid'),
      ),
    );
  }
  if (uid !== undefined)
    steps.push(step(`setuid ${uid}`, reason(query.uid), { op: 'setuid', uid }, idFailure(query.uid, 'uid')));
  return steps;
}

const keptGroups: Explanation = {
  errno: ERRNO.EPERM,
  status: failureStatus,
  text: 'nstool: cannot drop supplementary groups: EPERM\n  why: a change of the gid drops them, which needs CAP_SETGID, and setgroups not denied there\n',
};

/** An id that nobody asked for and that is not mapped there is left alone. */
function idFailure(asked: number | undefined, what: 'uid' | 'gid'): Partial<Step> {
  if (asked === undefined) return { try: true };
  const text = (errno: string, why: string): string =>
    `nstool: cannot become ${what} ${asked}: ${errno}\n  why: ${why}\n`;
  return {
    explanations: [
      {
        errno: ERRNO.EINVAL,
        status: failureStatus,
        text: text('EINVAL', `${what} ${asked} is not mapped in that user namespace`),
      },
      {
        errno: ERRNO.EPERM,
        status: failureStatus,
        text: text('EPERM', `that needs CAP_SET${what.toUpperCase()} there`),
      },
    ],
  };
}

interface IdMaps {
  readonly uids: readonly IdRange[] | undefined;
  readonly gids: readonly IdRange[] | undefined;
  readonly setgroups: string | undefined;
}

function readMaps(host: Host, pid: number): IdMaps {
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
