// A file of /etc as those in a network namespace see it: resolv.conf, hosts. It is of the mount namespace: of a name its
// own (ip-netns(8)), else that of a process in it.

import { gap, value, type Host, type Reading } from '../kernel/host.ts';
import type { Namespace } from '../namespaces/discover/scan.ts';

const NAMED = /^(?:\/var)?\/run\/netns\/([^/]+)$/;
/** Of thousands of processes the others will not tell either. */
const MAX_TRIED = 8;

export interface NetworkFile {
  /** Which file it is. */
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** `name`: `resolv.conf`. `isOurs`: it is the network namespace that we are in. */
export function findNetworkFile(
  host: Host,
  namespace: Pick<Namespace, 'mounts' | 'pids' | 'inode'>,
  isOurs: boolean,
  name: string,
): Reading<NetworkFile> {
  const path = `/etc/${name}`;
  if (isOurs) return foundAt(path, host.readFile(path));
  const names = namespace.mounts.flatMap((mount) => NAMED.exec(mount)?.[1] ?? []);
  for (const each of names) {
    const file = `/etc/netns/${each}/${name}`;
    const bytes = host.readFile(file);
    if (bytes.ok || bytes.gap.reason !== 'gone') return foundAt(file, bytes);
  }
  let refused: Reading<NetworkFile> | undefined;
  for (const pid of namespace.pids.slice(0, MAX_TRIED)) {
    const root = `/proc/${pid}/root`;
    const found = foundAt(`${root}${path}`, host.readFileInRoot({ root, path }));
    if (found.ok) return found;
    refused ??= found;
  }
  if (refused !== undefined) return refused;
  if (names.length > 0) return foundAt(path, host.readFile(path));
  const what = `net:[${namespace.inode}]: no name, and no process that we see is in it`;
  return gap({ reason: 'unsupported', what });
}

function foundAt(file: string, bytes: Reading<Uint8Array>): Reading<NetworkFile> {
  return bytes.ok ? value({ file, bytes: bytes.value }) : bytes;
}
