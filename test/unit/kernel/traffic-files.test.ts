// What processes and network namespaces carried, as their files have it.

import { describe, expect, it } from 'vitest';
import { parseNetDev } from '../../../src/kernel/text/net-dev.ts';
import { parseProcessIo } from '../../../src/kernel/text/process-io.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

// Linux 6.18, Debian 12, /proc/PID/net/dev of a namespace with a veth; the last line by hand.
const dev = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    4242      42    0    0    0     0          0         0     4242      42    0    0    0     0       0          0
 veth0: 18446744073709551615 9 0 0 0 0 0 0 1106 13 0 0 0 0 0 0
 a:b:1 2 3 4 5 6 7 8 90 10 11 12 13 14 15 16
`;

describe('net/dev', () => {
  it('has what each interface received and sent; a name may hold colons', () => {
    expect(parseNetDev(bytes(dev), 'FILE')).toEqual({
      ok: true,
      value: [
        { name: 'lo', received: 4242n, sent: 4242n },
        { name: 'veth0', received: 18446744073709551615n, sent: 1106n },
        { name: 'a:b', received: 1n, sent: 90n },
      ],
    });
  });

  it('of a line that is no interface is malformed', () => {
    expect(parseNetDev(bytes(`a\nb\n eth0 1 2\n`), 'FILE')).toMatchObject({ gap: { reason: 'malformed', line: 3 } });
    expect(parseNetDev(bytes(`a\nb\n eth0: 1 2\n`), 'FILE')).toMatchObject({ gap: { reason: 'malformed', line: 3 } });
  });
});

describe('io of a process', () => {
  it('is what it read and wrote of block devices', () => {
    const text =
      'rchar: 323934931\nwchar: 323929600\nsyscr: 632687\nsyscw: 632675\nread_bytes: 4096\nwrite_bytes: 323932160\ncancelled_write_bytes: 7\n';
    expect(parseProcessIo(bytes(text), 'FILE')).toEqual({
      ok: true,
      value: { readBytes: 4096n, writtenBytes: 323932160n },
    });
  });

  it('without one of them is malformed', () => {
    expect(parseProcessIo(bytes('read_bytes: 1\n'), 'FILE')).toMatchObject({ gap: { reason: 'malformed' } });
  });
});
