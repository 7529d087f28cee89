// Ids compared with what the kernel tells a process inside: files that it sees, its own status.

import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatArchive, type ArchiveHeader } from '../../src/host/recorded/archive.ts';
import { recordedHost } from '../../src/host/recorded/recorded-host.ts';
import { recording } from '../../src/host/recorded/recorder.ts';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { idRows, targetIds, translate, type TargetIds } from '../../src/inspect/ids.ts';
import { pathDoor } from '../../src/namespaces/discover/door.ts';
import { asUser, identities, PLAIN_UID, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { childrenOf, makeTarget, type TargetProcess } from '../support/targets.ts';

const host = linuxHost();
const look = (pid: number): TargetIds => targetIds(host, { type: 'process', pid });

/** What stat(1) shows of a file to a process in the user namespace. */
function ownerSeen(pid: number, path: string, uid: number | undefined): string {
  const command = ['nsenter', `--target=${pid}`, '--user', '--preserve-credentials', 'stat', '-c', '%u %g', path];
  return run(asUser(command, uid)).stdout.trim();
}

describe.skipIf(lacks('root', 'namespaces', 'nsenter', 'unshare'))('a map of several ranges', () => {
  let target: TargetProcess;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nstool-ids-'));
    chmodSync(folder, 0o777);
    target = await makeTarget(['-U']);
    writeFileSync(`/proc/${target.pid}/uid_map`, '0 0 1\n500 1000 100\n1000 70000 65\n');
    writeFileSync(`/proc/${target.pid}/gid_map`, '0 0 1\n7 2000 10\n');
  });
  afterAll(async () => {
    await target.end();
    rmSync(folder, { recursive: true });
  });

  test.each([0, 1, 999, 1000, 1050, 1099, 1100, 65534, 69999, 70000, 70064, 70065])('%i here', (id) => {
    const file = join(folder, String(id));
    writeFileSync(file, '');
    chownSync(file, id, 2003);
    const ids = look(target.pid);
    const inside = (kind: 'uid' | 'gid', asked: number): number | null | undefined =>
      translate(host, ids, [{ kind, id: asked }]).find(({ from }) => from === 'here')?.to;
    expect(`${inside('uid', id)} ${inside('gid', 2003)}`).toBe(ownerSeen(target.pid, file, undefined));
  });

  test.each([0, 1, 499, 500, 501, 599, 600, 1000, 1064, 1065])('%i inside', (id) => {
    const file = join(folder, `inside-${id}`);
    const enter = ['nsenter', `--target=${target.pid}`, '--user', '--preserve-credentials'];
    const { status } = run([...enter, 'setpriv', `--reuid=${id}`, '--clear-groups', 'touch', file]);
    const [here] = translate(host, look(target.pid), [{ kind: 'uid', id }]);
    expect(here?.to).toBe(status === 0 ? statSync(file).uid : null);
    expect(here?.unmapped).toBe(status === 0 ? null : 'no_such_id');
  });

  test('its problems', () => {
    expect(look(target.pid).problems).toEqual([
      { code: 'root_inside', kind: 'uid', id: 0 },
      { code: 'root_inside', kind: 'gid', id: 0 },
    ]);
  });
});

describe.skipIf(lacks('userns', 'unshare', 'nsenter')).each(identities)('made by $name', ({ uid }) => {
  let target: TargetProcess;
  beforeAll(async () => {
    const script = 'sleep 1000 & unshare --pid --fork sleep 1000; true';
    target = await makeTarget(['-U', '-r', '--pid', '--fork', '--mount-proc'], uid, ['sh', '-c', script]);
  });
  afterAll(() => target.end());

  test('the maps are what the kernel wrote, and setgroups is denied', () => {
    const ids = look(target.pid);
    expect(ids.user).toMatchObject({ relation: 'below', setgroups: 'deny' });
    expect(idRows(ids).filter(({ kind }) => kind !== 'pid')).toEqual([
      { kind: 'uid', inside: 0, here: uid, count: 1 },
      { kind: 'gid', inside: 0, here: uid, count: 1 },
    ]);
    expect(ids.problems.map(({ code }) => code)).toContain('setgroups_denied');
  });

  test('its pids are those of its own /proc', () => {
    const enter = ['nsenter', `--target=${target.pid}`, '--user', '--mount', '--pid', '--preserve-credentials'];
    const { stdout } = run(asUser([...enter, 'sh', '-c', 'cd /proc; echo [0-9]*; echo $$'], uid));
    const [list = '', own = ''] = stdout.trim().split('\n');
    const there = list
      .split(' ')
      .map(Number)
      .filter((pid) => pid !== Number(own));
    const ids = targetIds(host, { type: 'process', pid: target.pid }, new Set(['pid']));
    expect(ids.pids?.pairs?.map(({ inside }) => inside)).toEqual(there.toSorted((a, b) => a - b));
    expect(there.length).toBeGreaterThanOrEqual(3);
    for (const { inside, here } of ids.pids?.pairs ?? []) {
      const numbers = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${here}/status`, 'utf8'))?.[1]?.split('\t');
      expect(numbers?.[1]).toBe(String(inside));
    }
  });

  test('the same answer on a recording of the moment', () => {
    const recorder = recording(host);
    const ids = targetIds(recorder.host, { type: 'process', pid: target.pid });
    const header: ArchiveHeader = {
      nstool_recording: 1,
      date: '2026-01-01',
      kernel: '6.1.0',
      distribution: 'test',
      made_by: 'test',
      anonymised: false,
      self: host.self,
    };
    const replay = recordedHost(formatArchive(header, recorder.entries()), 'test');
    expect(replay.ok && targetIds(replay.value, { type: 'process', pid: target.pid })).toEqual(ids);
  });

  test('a namespace by its number is the same as by a process', () => {
    const ids = look(target.pid);
    const inode = ids.user?.inode ?? 0n;
    const path = `/proc/${target.pid}/ns/user`;
    const named = targetIds(host, { type: 'namespace', inode, kind: 'user', path, door: pathDoor(path) });
    expect({ ...named.user }).toEqual({ ...ids.user });
    expect(named.pids).toBeNull();
    expect(childrenOf(target.pid).length).toBe(2);
  });
});

describe.skipIf(lacks('userns', 'unshare'))('from inside a user namespace', () => {
  let target: TargetProcess;
  const uid = process.geteuid?.() === 0 ? PLAIN_UID : process.geteuid?.();
  beforeAll(async () => {
    target = await makeTarget(['-U', '-r'], uid);
  });
  afterAll(() => target.end());

  test('the kernel shows a reader inside the ids of the parent, which are no ids of its own', () => {
    const { stdout } = run(
      asUser(
        ['nsenter', `--target=${target.pid}`, '--user', '--preserve-credentials', 'cat', `/proc/${target.pid}/uid_map`],
        uid,
      ),
    );
    expect(stdout.trim().split(/\s+/).map(Number)).toEqual([0, uid, 1]);
  });
});
