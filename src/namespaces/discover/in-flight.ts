// Descriptors in flight: sent over a unix socket (SCM_RIGHTS) and not received yet. What they are nothing tells, but how
// many a socket has does: `scm_fds` in its fdinfo, for a listening socket with those of connections not yet accepted.
// Source: net/unix/af_unix.c unix_show_fdinfo(). Since: Linux 5.11. Likewise what a ring of io_uring keeps is not shown.

import { valueOf } from '../../kernel/host.ts';
import { decodeText, parseDecimal } from '../../kernel/text/text.ts';
import type { DescriptorUse } from '../holder.ts';
import { taskFolder } from './door.ts';
import type { Scan, Source } from './scan.ts';

const SUBJECT = 'namespace';

export const inFlight: Source = {
  name: 'descriptors in flight',
  when: 'deep, where the kernel does not list its namespaces (before Linux 6.19)',
  cost: 'one file per socket, but for those that sock_diag has shown not to be of unix',
  blind: 'what the descriptors are',
  discover(scan) {
    if (scan.deep.isListed) return;
    const { carriers, isTold } = carriersOf(scan);
    if (!isTold) note(scan, 'kept only by a descriptor in flight, before Linux 6.19', []);
    if (carriers.length > 0) {
      note(scan, `kept only by a descriptor in flight: ${carriers.slice(0, MAX_SHOWN).join(', ')}`, carriers);
    }
    const rings = scan.deep.rings.map((use) => `${taskFolder(use)}/fd/${use.fd}`);
    if (rings.length > 0) note(scan, `kept only by a ring of io_uring: ${rings.slice(0, MAX_SHOWN).join(', ')}`, rings);
  },
};

const MAX_SHOWN = 3;

/** Sockets with descriptors in flight; and did any socket tell, which those that are not of unix never do? */
function carriersOf(scan: Scan): { readonly carriers: readonly string[]; readonly isTold: boolean } {
  const carriers: string[] = [];
  let isTold = scan.deep.sockets.size === 0;
  for (const [inode, uses] of scan.deep.sockets) {
    if (scan.deep.notUnix.has(inode)) continue;
    const [use] = uses;
    const count = use === undefined ? undefined : countOf(scan, use);
    isTold ||= count !== undefined;
    if (use !== undefined && count !== undefined && count > 0)
      carriers.push(`${count} in ${taskFolder(use)}/fd/${use.fd}`);
  }
  return { carriers, isTold };
}

function countOf(scan: Scan, use: DescriptorUse): number | undefined {
  const info = valueOf(scan.host.readFile(`${taskFolder(use)}/fdinfo/${use.fd}`));
  return info === undefined ? undefined : parseDecimal(/^scm_fds:\s*([0-9]+)$/m.exec(decodeText(info))?.[1]);
}

function note(scan: Scan, detail: string, examples: readonly string[]): void {
  scan.gaps.addUncounted({
    subject: SUBJECT,
    reason: 'unsupported',
    errno: null,
    count: null,
    examples: examples.slice(0, MAX_SHOWN),
    detail,
  });
}
