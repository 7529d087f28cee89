// resctrl in `cgroup show`, on a recorded host made by hand after the kernel's documentation: no machine of ours has it.

import { describe, expect, it } from 'vitest';
import { cgroupShow } from '../../../src/cli/commands/cgroup-show.ts';
import type { Host } from '../../../src/kernel/host.ts';
import { gap, value } from '../../../src/kernel/host.ts';
import { fixtureHost, runCommand } from '../../support/recorded.ts';
import { faults, passed } from '../../support/schemas.ts';

type Row = Readonly<Record<string, unknown>>;

interface Resctrl {
  readonly caches: readonly Row[];
  readonly bandwidths: readonly Row[];
  readonly [key: string]: unknown;
}

interface Answer {
  readonly complete: boolean;
  readonly gaps: readonly Row[];
  readonly resctrl: Resctrl | null;
}

/** The recorded host with other files: null is one that is not there. */
function hostWith(files: Readonly<Record<string, string | null>> = {}): Host {
  const host = fixtureHost('resctrl');
  return {
    ...host,
    readFile(path) {
      const text = files[path];
      if (text === undefined) return host.readFile(path);
      return text === null ? gap({ reason: 'gone', what: path }) : value(new TextEncoder().encode(text));
    },
  };
}

async function shown(target: string, files?: Readonly<Record<string, string | null>>): Promise<Answer> {
  const { stdout } = await runCommand(cgroupShow, [target, '--json'], { host: hostWith(files) });
  const answer = JSON.parse(stdout) as Answer;
  expect(faults('cgroup show', answer)).toEqual([]);
  return answer;
}

const ROOT = '/sys/fs/resctrl';

describe('a process in a control group and a monitor group of that', () => {
  it('has ways of each cache, for code and data, and who shares them', async () => {
    const { resctrl, complete } = await shown('40');
    expect(complete).toBe(true);
    expect(resctrl).toMatchObject({ group: 'batch', monitor: 'web', mode: 'shareable', directory: `${ROOT}/batch` });
    const data = { resource: 'L3DATA', level: 'L3', holds: 'data', cache: '0', mask: '3c0', ways: '6-9', count: 4 };
    // Ways 4 and 5 are interactive's data, but 8 and up its code.
    expect(resctrl?.caches).toContainEqual({ ...data, of: 20, size: 5_242_880, shared_with: ['/', 'interactive'] });
    const code = resctrl?.caches.find(({ holds, cache }) => holds === 'code' && cache === '0');
    expect(code).toMatchObject({ ways: '0-3', shared_with: ['/'] });
    expect(resctrl?.bandwidths).toEqual([
      { resource: 'MB', cache: '0', amount: 50, unit: 'percent' },
      { resource: 'MB', cache: '1', amount: 100, unit: 'percent' },
    ]);
    expect(resctrl).toMatchObject({ threads: 2, tids: [40, 4001], cpus: '', elsewhere: [] });
  });

  it('is counted in both', async () => {
    const { resctrl } = await shown('40');
    const counts = resctrl?.['counts'] as readonly Row[];
    const event = { domain: 'mon_L3_00', event: 'llc_occupancy' };
    expect(counts).toContainEqual({ monitor: null, ...event, count: 7_340_032 });
    expect(counts).toContainEqual({ monitor: 'web', ...event, count: 2_097_152 });
    // "Unavailable", as the kernel says where a counter was just given to another.
    expect(counts).toContainEqual({ monitor: null, domain: 'mon_L3_01', event: 'mbm_local_bytes', count: null });
    expect(resctrl?.['monitors']).toEqual([
      { name: 'spare', threads: 0, cpus: '' },
      { name: 'web', threads: 1, cpus: '' },
    ]);
  });

  it('as text', async () => {
    const { stdout } = await runCommand(cgroupShow, ['40'], { host: hostWith() });
    expect(stdout).toContain('group batch, shareable, monitored by web\n');
    expect(stdout).toContain('L3 cache 0 for data: ways 6-9 (4 of 20, 5.0MiB), shared with /, interactive\n');
    expect(stdout).toContain('bandwidth of memory at L3 cache 0: 50%\n');
    expect(stdout).toContain('2 threads in it\n');
  });

  it('is found by the tasks of the groups before Linux 5.6', async () => {
    const { resctrl, complete } = await shown('40', { '/proc/40/cpu_resctrl_groups': null });
    expect([resctrl?.['group'], resctrl?.['monitor'], complete]).toEqual(['batch', 'web', true]);
  });

  it('which none of them tells is a gap', async () => {
    const files = { '/proc/40/cpu_resctrl_groups': null, [`${ROOT}/batch/tasks`]: '' };
    const { resctrl, gaps } = await shown('40', files);
    expect(resctrl).toBeNull();
    expect(gaps).toMatchObject([{ subject: 'resctrl group', reason: 'gone' }]);
  });

  it('is not looked for beyond the hierarchy', async () => {
    const { resctrl } = await shown('40', { '/proc/40/cpu_resctrl_groups': 'res:../../etc\nmon:\n' });
    expect(resctrl).toBeNull();
  });
});

describe('a process in the default group', () => {
  it('has what other groups say on their processors', async () => {
    const answer = await shown('41');
    expect(answer.resctrl).toMatchObject({ group: '/', directory: ROOT, cpus: '0-1,4-7' });
    expect(answer.resctrl?.['elsewhere']).toEqual([{ group: 'interactive', cpus: '2-3' }]);
    const host = await shown('host');
    expect(host.resctrl).toMatchObject({ group: '/' });
    expect(passed('cgroup show', [answer, host])).toEqual([]);
  });
});

describe('bandwidth', () => {
  it('is in eighths of a gigabyte per second on AMD, slow memory beside it', async () => {
    const { resctrl } = await shown('41', {
      [`${ROOT}/schemata`]: 'SMBA:0=2048;1=  64\n  MB:0=2048;1=  16\n  L3:0=ffff;1=ffff\n',
      [`${ROOT}/size`]: '  L3:0=16777216;1=16777216\n',
      [`${ROOT}/info/MB/min_bandwidth`]: '0\n',
      [`${ROOT}/info/SMBA/min_bandwidth`]: '0\n',
      [`${ROOT}/info/L3/cbm_mask`]: 'ffff\n',
    });
    const unit = 'eighths_of_gbps';
    expect(resctrl?.bandwidths).toContainEqual({ resource: 'MB', cache: '1', amount: 16, unit });
    expect(resctrl?.bandwidths).toContainEqual({ resource: 'SMBA', cache: '1', amount: 64, unit });
    expect(resctrl?.caches[0]).toMatchObject({ resource: 'L3', holds: 'all', of: 16, size: 16_777_216 });
  });

  it('is in MiB per second where it was mounted so', async () => {
    const mounts = `31 22 0:40 / ${ROOT} rw,relatime - resctrl resctrl rw,mba_MBps\n`;
    const { resctrl } = await shown('40', { '/proc/self/mountinfo': mounts });
    expect(resctrl?.bandwidths[0]).toMatchObject({ amount: 50, unit: 'mibps' });
  });
});

describe('what cannot be read', () => {
  it('a file that is none is named, and the rest is shown', async () => {
    const { resctrl, gaps } = await shown('40', { [`${ROOT}/batch/schemata`]: '\u001b[2J\n' });
    expect(gaps).toMatchObject([{ subject: 'file of resctrl', reason: 'malformed' }]);
    expect(resctrl).toMatchObject({ group: 'batch', caches: [], threads: 2 });
  });

  it('where it is not mounted there is none, and that is no gap', async () => {
    const { resctrl, complete } = await shown('40', {
      '/proc/self/mountinfo': '22 1 254:0 / / rw - ext4 /dev/vda rw\n',
    });
    expect(resctrl).toBeNull();
    // The cgroups are not mounted there either.
    expect(complete).toBe(false);
  });
});
