import { describe, expect, it } from 'vitest';
import { NSFS_MAGIC, SYSFS_MAGIC } from '../../../src/kernel/abi/nsfs.ts';
import { decodeStatMount } from '../../../src/kernel/statmount.ts';
import { netlinkFixture } from '../../support/netlink-fixture.ts';

describe('struct statmount of Linux 6.18', () => {
  const structs = netlinkFixture('statmount');
  const mounts = structs.map((bytes) => decodeStatMount(bytes, 'x')).map((one) => (one.ok ? one.value : one.gap));

  it('has superblock, root and mount point; names as they are', () => {
    expect(mounts).toContainEqual({
      id: expect.any(BigInt) as unknown,
      oldId: expect.any(Number) as unknown,
      device: expect.stringMatching(/^0:[0-9]+$/) as unknown,
      magic: NSFS_MAGIC,
      fsType: 'nsfs',
      root: expect.stringMatching(/^net:\[[0-9]+\]$/) as unknown,
      mountPoint: '/mnt/a name',
    });
    expect(mounts).toContainEqual(expect.objectContaining({ magic: SYSFS_MAGIC, fsType: 'sysfs', root: '/' }));
  });

  it('is malformed when it is short, and says null of what the kernel did not tell', () => {
    const [whole = new Uint8Array()] = structs;
    expect(decodeStatMount(whole.subarray(0, 511), 'x')).toMatchObject({ ok: false, gap: { reason: 'malformed' } });
    const silent = Uint8Array.from(whole).fill(0, 8, 16);
    expect(decodeStatMount(silent, 'x')).toMatchObject({ ok: true, value: { root: null, mountPoint: null } });
  });

  it('with strings beyond its end has empty ones', () => {
    const bytes = Uint8Array.from(structs[0] ?? []).fill(0xff, 104, 112);
    expect(decodeStatMount(bytes, 'x')).toMatchObject({ ok: true, value: { root: '', mountPoint: '' } });
  });
});
