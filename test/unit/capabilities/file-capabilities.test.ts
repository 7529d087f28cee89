// security.capability, byte for byte: what setcap(8) of libcap 2.66 wrote on Linux 6.18.

import { describe, expect, it } from 'vitest';
import {
  decodeFileCapabilities,
  encodeFileCapabilities,
  type FileCapabilities,
} from '../../../src/capabilities/file-capabilities.ts';

const NET_RAW = 1n << 13n;
const NET_ADMIN = 1n << 12n;
const SYS_ADMIN = 1n << 21n;
const ALL = (1n << 41n) - 1n;
const none: FileCapabilities = { revision: 2, permitted: 0n, inheritable: 0n, effective: false, rootid: 0 };

/** What setcap was given, what it wrote, and what that means. */
const vectors: readonly (readonly [string, string, FileCapabilities])[] = [
  ['cap_net_raw+ep', '0100000200200000000000000000000000000000', { ...none, permitted: NET_RAW, effective: true }],
  ['cap_net_raw=p', '0000000200200000000000000000000000000000', { ...none, permitted: NET_RAW }],
  [
    'cap_net_raw+eip',
    '0100000200200000002000000000000000000000',
    { ...none, permitted: NET_RAW, inheritable: NET_RAW, effective: true },
  ],
  [
    'cap_net_raw,cap_net_admin=i',
    '0000000200000000003000000000000000000000',
    { ...none, inheritable: NET_RAW | NET_ADMIN },
  ],
  [
    'cap_net_raw=p cap_net_admin=i',
    '0000000200200000001000000000000000000000',
    { ...none, permitted: NET_RAW, inheritable: NET_ADMIN },
  ],
  ['=ep', '01000002ffffffff00000000ff01000000000000', { ...none, permitted: ALL, effective: true }],
  ['=', '0000000200000000000000000000000000000000', none],
  [
    '=ep cap_sys_admin-ep',
    '01000002ffffdfff00000000ff01000000000000',
    { ...none, permitted: ALL & ~SYS_ADMIN, effective: true },
  ],
  ['cap_net_raw+e', '0100000200000000000000000000000000000000', { ...none, effective: true }],
  ['41=ep', '0100000200000000000000000002000000000000', { ...none, permitted: 1n << 41n, effective: true }],
  ['cap_bpf=ep', '0100000200000000000000008000000000000000', { ...none, permitted: 1n << 39n, effective: true }],
  [
    '-n 100000 cap_net_raw=ep',
    '0100000300200000000000000000000000000000a0860100',
    { ...none, revision: 3, permitted: NET_RAW, effective: true, rootid: 100_000 },
  ],
];

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

describe.each(vectors)('%s', (_, hex, capabilities) => {
  it('is read', () => {
    expect(decodeFileCapabilities(bytesOf(hex))).toEqual({ ok: true, capabilities });
  });
  it('is written', () => {
    expect(Buffer.from(encodeFileCapabilities(capabilities)).toString('hex')).toBe(hex);
  });
});

describe('what no setcap writes', () => {
  it('revision 1, of which the upper half is empty', () => {
    const capabilities = { ...none, revision: 1, permitted: NET_RAW, inheritable: NET_ADMIN, effective: true } as const;
    expect(decodeFileCapabilities(bytesOf('010000010020000000100000'))).toEqual({ ok: true, capabilities });
    expect(Buffer.from(encodeFileCapabilities(capabilities)).toString('hex')).toBe('010000010020000000100000');
  });

  it('flags beside the one that is known, which execve passes over', () => {
    const read = decodeFileCapabilities(bytesOf('feffff0200200000000000000000000000000000'));
    expect(read).toEqual({ ok: true, capabilities: { ...none, permitted: NET_RAW } });
  });

  it('the highest rootid, and all 64 bits', () => {
    const capabilities: FileCapabilities = {
      revision: 3,
      permitted: (1n << 64n) - 1n,
      inheritable: 1n << 63n,
      effective: false,
      rootid: 0xffff_fffe,
    };
    expect(decodeFileCapabilities(encodeFileCapabilities(capabilities))).toEqual({ ok: true, capabilities });
  });

  it.each([
    ['', 'it has 0 bytes, and needs 12, 20 or 24'],
    ['010000', 'it has 3 bytes, and needs 12, 20 or 24'],
    ['01000002', 'it has 4 bytes, and revision 2 has 20'],
    ['010000010020000000000000000000000000000', 'it has 19 bytes, and revision 1 has 12'],
    ['0100000200200000000000000000000000000000a0860100', 'it has 24 bytes, and revision 2 has 20'],
    ['0100000300200000000000000000000000000000', 'it has 20 bytes, and revision 3 has 24'],
    ['0100000400200000000000000000000000000000', 'its revision is 4, and the kernel knows 1, 2 and 3'],
    ['0100000000200000000000000000000000000000', 'its revision is 0, and the kernel knows 1, 2 and 3'],
    ['010000ff00200000000000000000000000000000', 'its revision is 255, and the kernel knows 1, 2 and 3'],
  ])('%s is none', (hex, problem) => {
    expect(decodeFileCapabilities(bytesOf(hex))).toEqual({ ok: false, problem });
  });
});
