// All files below a directory that have an attribute: where the search goes, and where it does not.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CAPABILITY_ATTRIBUTE as name } from '../../src/capabilities/file-capabilities.ts';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import type { FoundAttributes } from '../../src/kernel/host.ts';
import { run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';

describe.skipIf(lacks('root', 'setcap'))('a search', () => {
  const host = linuxHost();
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nstool-search-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function make(...paths: readonly string[]): void {
    for (const path of paths) {
      mkdirSync(join(folder, path, '..'), { recursive: true });
      writeFileSync(join(folder, path), '');
      expect(run(['setcap', 'cap_kill=p', join(folder, path)]).status).toBe(0);
    }
  }

  function found(search: { path: string; root?: string }): FoundAttributes {
    const reading = host.findAttributes({ name, ...search });
    if (!reading.ok) throw new Error(reading.gap.errno);
    return reading.value;
  }

  it('comes back to the working directory', () => {
    make('a');
    const before = host.stat('.');
    expect(found({ path: folder }).files).toBe(1);
    expect(host.stat('.')).toEqual(before);
  });

  it('in a root does not leave it by a link, neither on the way nor below', () => {
    make('outside/secret', 'root/in', 'root/usr/bin/in');
    symlinkSync('../outside', join(folder, 'root/relative'));
    symlinkSync(join(folder, 'outside'), join(folder, 'root/absolute'));
    symlinkSync('/usr', join(folder, 'root/link'));
    const root = join(folder, 'root');
    const paths = (path: string): readonly string[] => found({ root, path }).found.map((file) => file.path);
    expect(paths('/').toSorted()).toEqual(['/in', '/usr/bin/in']);
    expect(paths('/link')).toEqual(['/link/bin/in']);
    for (const path of ['/relative', '/absolute', '/../outside'])
      expect(host.findAttributes({ name, root, path }).ok).toBe(false);
  });

  it('goes as deep as a path can name', () => {
    const deep = 'd/'.repeat(1000);
    make(`${deep}file`);
    expect(found({ path: folder })).toMatchObject({ files: 1, gaps: [], found: [{ path: `${folder}/${deep}file` }] });
  });

  it('tells the mount as mountinfo numbers it', () => {
    make('a');
    const [file] = found({ path: folder }).found;
    const mount = host.mountOf({ path: join(folder, 'a'), follow: false });
    expect(mount).toEqual({ ok: true, value: file?.mount });
    const lines = run(['cat', '/proc/self/mountinfo']).stdout.split('\n');
    expect(lines.some((line) => line.startsWith(`${file?.mount} `))).toBe(true);
  });

  it('is a gap of what is no directory, or not there', () => {
    make('a');
    for (const [path, errno] of [
      ['a', 'ENOTDIR'],
      ['nothing', 'ENOENT'],
    ] as const) {
      const reading = host.findAttributes({ name, path: join(folder, path) });
      expect(!reading.ok && reading.gap.errno).toBe(errno);
    }
  });

  it('keeps as many descriptors as before', () => {
    make('a/b/c', 'a/d');
    const open = (): number => run(['ls', `/proc/${process.pid}/fd`]).stdout.split('\n').length;
    const before = open();
    for (let round = 0; round < 20; round += 1) found({ path: folder });
    expect(open()).toBeLessThanOrEqual(before + 3);
  });
});
