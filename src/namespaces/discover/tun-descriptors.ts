// Descriptors of /dev/net/tun. The descriptor is a socket too, and keeps the network namespace in which it was opened;
// its interface may have been moved elsewhere since, and goes with that namespace when that ends.
// Source: drivers/net/tun.c tun_chr_open(), __tun_chr_ioctl(); fdinfo has the interface's name (`iff:`).

import { valueOf, type NamespaceDoor } from '../../kernel/host.ts';
import { decodeText } from '../../kernel/text/text.ts';
import type { DescriptorUse } from '../holder.ts';
import { noteRefused } from './refused-descriptors.ts';
import { noteNamespace, type Scan, type Source } from './scan.ts';

export const tunDescriptors: Source = {
  name: 'tun descriptors',
  when: 'deep, for net',
  cost: '0.05 ms per descriptor of /dev/net/tun',
  blind: 'descriptors of other users',
  discover(scan) {
    if (!scan.kinds.has('net')) return;
    for (const use of scan.deep.tuns) {
      const door: NamespaceDoor = { pid: use.tid, fd: use.fd, ask: 'SIOCGSKNS' };
      const answer = scan.host.askNamespace(door, []);
      if (answer.ok) noteTun(scan, use, `net:[${answer.value}]`, door);
      // ENOTTY: a file of that name which is no tun device.
      else if (answer.gap.reason !== 'gone' && answer.gap.errno !== 'ENOTTY')
        noteRefused(scan, 'tun device', answer.gap, use.tid);
    }
  },
};

function noteTun(scan: Scan, use: DescriptorUse, text: string, door: NamespaceDoor): void {
  const namespace = noteNamespace(scan, text, `/proc/${use.pid}/fd/${use.fd}`);
  if (namespace === undefined) return;
  namespace.holders.push({ type: 'tun', interface: interfaceOf(scan, use), ...use });
  namespace.door ??= { at: door, through: [] };
}

function interfaceOf(scan: Scan, { pid, tid, fd }: DescriptorUse): string | null {
  const info = valueOf(scan.host.readFile(`/proc/${pid}/task/${tid}/fdinfo/${fd}`));
  return info === undefined ? null : (/^iff:\t(.+)$/m.exec(decodeText(info))?.[1] ?? null);
}
