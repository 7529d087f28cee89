// An extended attribute by the port, beside what setcap(8) wrote and what Python reads.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CAPABILITY_ATTRIBUTE as NAME } from '../../src/capabilities/file-capabilities.ts';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { decodeName } from '../../src/kernel/text/file-name.ts';
import { run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';

describe.skipIf(lacks('root', 'setcap', 'python'))('security.capability', () => {
  const host = linuxHost();
  let folder = '';

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nstool-attribute-'));
    mkdirSync(join(folder, 'root'));
    for (const name of ['plain', 'raw', 'root/inside']) writeFileSync(join(folder, name), '');
    expect(run(['setcap', 'cap_net_raw=ep', join(folder, 'raw')]).status).toBe(0);
    expect(run(['setcap', 'cap_net_admin=ep', join(folder, 'root/inside')]).status).toBe(0);
    symlinkSync('raw', join(folder, 'link'));
    symlinkSync('/inside', join(folder, 'root/absolute'));
    symlinkSync('../raw', join(folder, 'root/outside'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const hexOf = (query: { path: string; root?: string; follow?: boolean }): string | null => {
    const read = host.attribute({ name: NAME, follow: true, ...query });
    if (!read.ok) return read.gap.errno ?? read.gap.reason;
    return read.value === null ? null : Buffer.from(read.value).toString('hex');
  };
  const NET_RAW = '0100000200200000000000000000000000000000';
  const NET_ADMIN = '0100000200100000000000000000000000000000';

  it('is the bytes that Python reads, or none', () => {
    const python = (path: string): string =>
      run(['python3', '-c', `import os, sys; print(os.getxattr(sys.argv[1], "${NAME}").hex())`, path]).stdout.trim();
    expect(hexOf({ path: join(folder, 'raw') })).toBe(python(join(folder, 'raw')));
    expect(hexOf({ path: join(folder, 'raw') })).toBe(NET_RAW);
    expect(hexOf({ path: join(folder, 'plain') })).toBeNull();
  });

  it('of a link is that of its file only when it is followed', () => {
    expect(hexOf({ path: join(folder, 'link') })).toBe(NET_RAW);
    expect(hexOf({ path: join(folder, 'link'), follow: false })).toBeNull();
  });

  it('in a root is of what a process there would find, and never of what is outside', () => {
    const root = join(folder, 'root');
    expect(hexOf({ root, path: '/inside' })).toBe(NET_ADMIN);
    expect(hexOf({ root, path: '/absolute' })).toBe(NET_ADMIN);
    expect(hexOf({ root, path: '/absolute', follow: false })).toBeNull();
    expect(hexOf({ root, path: '/outside' })).toBe('ENOENT');
    expect(hexOf({ root, path: '/../raw' })).toBe('ENOENT');
  });

  it('of a name that is no UTF-8', () => {
    const odd = Buffer.concat([Buffer.from(`${folder}/odd-`), Buffer.from([0xff, 0x0a])]);
    writeFileSync(odd, '');
    const script =
      'import os, sys; os.setxattr(os.fsencode(sys.argv[1]) + b"/odd-\\xff\\n", sys.argv[2], bytes.fromhex(sys.argv[3]))';
    expect(run(['python3', '-c', script, folder, NAME, NET_RAW])).toMatchObject({ status: 0, stderr: '' });
    const name = decodeName(Buffer.from([0x6f, 0x64, 0x64, 0x2d, 0xff, 0x0a]));
    expect(hexOf({ path: `${folder}/${name}` })).toBe(NET_RAW);
    expect(hexOf({ root: folder, path: `/${name}` })).toBe(NET_RAW);
  });

  it('has an errno where it cannot be read', () => {
    expect(hexOf({ path: join(folder, 'nothing') })).toBe('ENOENT');
    expect(hexOf({ path: '/proc/self/status' })).toBe('EOPNOTSUPP');
  });
});
