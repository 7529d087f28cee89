// From the word after `--net=` to a way to that namespace: a path, an id of the kernel, or a target of any form whose
// namespace of that kind is meant.

import { kindFacts, type NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import { errorOfGap, NsError } from '../kernel/error.ts';
import type { Host } from '../kernel/host.ts';
import { parseUnsigned64 } from '../kernel/text/text.ts';
import { initialNamespace } from '../inspect/initial-namespace.ts';
import { resolveTarget } from '../inspect/resolve-target.ts';
import { discoverNamespaces } from '../namespaces/discover/discover.ts';
import { pathDoor, type Door as Way } from '../namespaces/discover/door.ts';
import { askThrough, doorOf } from '../namespaces/discover/door-of.ts';

/** Errors: BAD_VALUE, NO_PROCESS, NO_NAMESPACE, NO_FILE, DENIED, UNSUPPORTED. */
export function wayTo(host: Host, kind: NamespaceKind, word: string): Way {
  if (word.startsWith(':')) return wayById(host, kind, word.slice(1));
  // As nsenter(1) takes it; of targets only those with a scheme have a slash in their name.
  if (word.includes('/') && !/^[a-z]+:/.test(word)) return pathDoor(word);
  const target = resolveTarget(host, word);
  switch (target.type) {
    case 'process':
      return pathDoor(`/proc/${target.pid}/ns/${kind}`);
    case 'host':
      return wayToInitial(host, kind);
    case 'namespace':
      return target.door;
  }
}

/** Errors: DENIED, where nobody who is in it may be looked at. */
export function wayToInitial(host: Host, kind: NamespaceKind): Way {
  const { inode, door } = initialNamespace(host, kind);
  if (door !== null) return pathDoor(door);
  throw new NsError('DENIED', {
    what: `cannot enter the host's ${kind} namespace`,
    why: inode.ok ? 'nothing leads to it' : inode.gap.what,
  });
}

/**
 * By the 64-bit number that the kernel never gives twice. A handle of it alone opens since Linux 6.19; in 6.18 it is
 * looked for among all namespaces of the kind.
 */
function wayById(host: Host, kind: NamespaceKind, digits: string): Way {
  const id = parseUnsigned64(digits);
  if (id === undefined) {
    throw new NsError('BAD_VALUE', {
      what: `--${kindFacts(kind).option}=:${digits} is no id of a namespace`,
      why: 'an id is a decimal number of 64 bits',
      tryThis: `nstool ls -t ${kind} -o +ID`,
    });
  }
  const byHandle: Way = { at: { id, type: 0, inode: 0n }, through: [] };
  if (host.askNamespace(byHandle.at, []).ok) return byHandle;
  return wayByLooking(host, kind, id);
}

function wayByLooking(host: Host, kind: NamespaceKind, id: bigint): Way {
  const own = host.askNamespace(`/proc/self/ns/${kind}`, ['NS_GET_ID']);
  if (!own.ok) throw errorOfGap(own.gap, 'cannot enter a namespace by its id: that needs Linux 6.18');
  for (const deep of [false, true]) {
    const scan = discoverNamespaces(host, new Set([kind]), { deep });
    for (const namespace of scan.namespaces.values()) {
      const door = doorOf(namespace);
      const answer = door === undefined ? undefined : askThrough(scan, door, ['NS_GET_ID']);
      if (door !== undefined && answer?.ok === true && answer.value === id) return door;
    }
  }
  throw new NsError('NO_NAMESPACE', {
    what: `no ${kind} namespace has the id ${id}`,
    why: 'none that can be seen',
    tryThis: `nstool ls --deep -t ${kind} -o +ID`,
  });
}
