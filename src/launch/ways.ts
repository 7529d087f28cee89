// Opening a namespace by any way that was found to it: a path, a descriptor of ours or of another process, its id, and
// the questions that lead on from there.

import { O_RDONLY } from '../kernel/abi/open-flags.ts';
import { FD_NSFS_ROOT, FILEID_NSFS, NSFS_HANDLE_LENGTH } from '../kernel/abi/nsfs.ts';
import { doorText } from '../kernel/door.ts';
import type { NamespaceDoor, NamespaceQuestion } from '../kernel/host.ts';
import type { Operation, Slot } from '../kernel/program.ts';
import { parseDecimal } from '../kernel/text/text.ts';
import type { Door as Way } from '../namespaces/discover/door.ts';

/** One operation of the opening of a namespace, and what it is. */
export interface Opening {
  readonly label: string;
  readonly operation: Operation;
}

const LEADS_TO: Partial<Record<NamespaceQuestion, string>> = {
  NS_GET_USERNS: 'the owner of',
  NS_GET_PARENT: 'the parent of',
};

/** For people. */
export function wayText({ at, through }: Way): string {
  return through.reduce((text, question) => `${LEADS_TO[question] ?? question} ${text}`, doorText(at));
}

/** The last of them opens it into `into`. */
export function openingsOf({ at, through }: Way, into: Slot): readonly Opening[] {
  const openings = [...openingsOfDoor(at, into)];
  for (const [index, question] of through.entries()) {
    const name = wayText({ at, through: through.slice(0, index + 1) });
    if (question !== 'NS_GET_USERNS' && question !== 'NS_GET_PARENT')
      throw new Error(`${question} leads to no namespace`);
    openings.push({ label: `open ${name}`, operation: { op: 'reach', slot: into, question, into } });
  }
  return openings;
}

function openingsOfDoor(door: NamespaceDoor, into: Slot): readonly Opening[] {
  if (typeof door === 'string') return [{ label: `open ${door}`, operation: openPath(door, into) }];
  if ('ask' in door) {
    const { pid, fd, ask } = door;
    const [pidfd, copy] = [`holder of ${into}`, `descriptor of ${into}`];
    return [
      { label: `pidfd_open ${pid}`, operation: { op: 'pidfd', pid, into: pidfd } },
      { label: `pidfd_getfd ${pid} ${fd}`, operation: { op: 'getfd', pidfd, fd, into: copy } },
      { label: `${ask} of ${pid}/${fd}`, operation: { op: 'reach', slot: copy, question: ask, into } },
    ];
  }
  const { id, type, inode } = door;
  const handle = new Uint8Array(NSFS_HANDLE_LENGTH);
  const view = new DataView(handle.buffer);
  view.setBigUint64(0, id, true);
  view.setUint32(8, type, true);
  view.setUint32(12, Number(inode), true);
  const operation: Operation = { op: 'handle', type: FILEID_NSFS, handle, mount: FD_NSFS_ROOT, into };
  return [{ label: `open_by_handle_at ${doorText(door)}`, operation }];
}

/** nsexec closes what it was not told to keep, and /dev/fd with it. */
function openPath(path: string, into: Slot): Operation {
  const inherited = parseDecimal(/^\/(?:dev|proc\/self)\/fd\/([0-9]+)$/.exec(path)?.[1]);
  if (inherited === undefined) return { op: 'open', path, flags: O_RDONLY, into };
  return { op: 'adopt', fd: inherited, into };
}
