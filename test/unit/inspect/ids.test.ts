// Ids on hosts made of answers: whose namespace it is, what the kernel tells to whom, what is wrong with a map.

import { describe, expect, it } from 'vitest';
import { ids } from '../../../src/cli/commands/ids.ts';
import { idRows, targetIds, translate, type TargetIds } from '../../../src/inspect/ids.ts';
import { mapProblems } from '../../../src/inspect/map-problems.ts';
import type { NsError } from '../../../src/kernel/error.ts';
import type { Host } from '../../../src/kernel/host.ts';
import { fixtureHost, fixtureHosts, hostOf, runCommand } from '../../support/recorded.ts';

const INITIAL = '4026531837';

function status(pid: number, ...namespacePids: readonly number[]): { text: string } {
  const numbers = [pid, ...namespacePids].join('\t');
  const fields = [
    'Name:\tsleep',
    `Tgid:\t${pid}`,
    `Pid:\t${pid}`,
    'PPid:\t1',
    'Uid:\t0\t0\t0\t0',
    'Gid:\t0\t0\t0\t0',
    'Groups:\t ',
    `NSpid:\t${numbers}`,
    'CapEff:\t000001ffffffffff',
  ];
  return { text: `${fields.join('\n')}\n` };
}

/** Process 20 in namespaces of its own, seen by process 7. */
function hostWith(answers: Readonly<Record<string, object>>, own = INITIAL): Host {
  return hostOf({
    'link /proc/self': { text: '7' },
    'file /proc/self/status': status(7),
    'directory /proc': { names: ['7', '20', '21', '22'] },
    'link /proc/self/ns/user': { text: `user:[${own}]` },
    'link /proc/self/ns/pid': { text: 'pid:[4026531836]' },
    ...Object.fromEntries([7, 20, 21, 22].map((pid) => [`link /proc/${pid}/ns/mnt`, { text: 'mnt:[1]' }])),
    'file /proc/self/mountinfo': { text: '' },
    'link /proc/7/ns/pid': { text: 'pid:[4026531836]' },
    'link /proc/20/ns/user': { text: 'user:[50]' },
    'link /proc/20/ns/pid': { text: 'pid:[60]' },
    'link /proc/21/ns/pid': { text: 'pid:[61]' },
    'link /proc/22/ns/pid': { text: 'pid:[62]' },
    'file /proc/20/status': status(20, 1),
    'file /proc/21/status': status(21, 2, 1),
    'file /proc/22/status': status(22, 9, 1),
    'namespace /proc/21/ns/pid NS_GET_PARENT': { number: '60' },
    'namespace /proc/22/ns/pid NS_GET_PARENT': { number: '63' },
    'file /proc/20/uid_map': { text: '0 100000 1000\n1000 0 1\n' },
    'file /proc/20/gid_map': { text: '0 100000 65536\n' },
    'file /proc/20/setgroups': { text: 'allow\n' },
    'file /proc/sys/kernel/overflowuid': { text: '65534\n' },
    'stat /proc/20': { status: { dev: '1', ino: '1', mode: '16749', uid: '0', gid: '0' } },
    ...answers,
  });
}

function look(host: Host): TargetIds {
  return targetIds(host, { type: 'process', pid: 20 });
}

describe('the maps of a process', () => {
  it('are ranges, and pids by the number in its namespace, those of the namespaces below included', () => {
    const found = look(hostWith({}));
    expect(found.user).toMatchObject({ inode: 50n, relation: 'below', setgroups: 'allow' });
    expect(idRows(found)).toEqual([
      { kind: 'uid', inside: 0, here: 100000, count: 1000 },
      { kind: 'uid', inside: 1000, here: 0, count: 1 },
      { kind: 'gid', inside: 0, here: 100000, count: 65536 },
      { kind: 'pid', inside: 1, here: 20, count: 2 },
    ]);
    expect(found.problems).toEqual([{ code: 'root_inside', kind: 'uid', id: 1000 }]);
  });

  it('are the same ids in our own namespaces, whatever the parent calls them', () => {
    const found = look(hostWith({ 'link /proc/20/ns/pid': { text: 'pid:[4026531836]' } }, '50'));
    expect(found.user?.uids).toEqual([
      { inside: 0, here: 0, count: 1000 },
      { inside: 1000, here: 1000, count: 1 },
    ]);
    expect(found.pids).toEqual({ inode: 4026531836n, relation: 'same', pairs: null });
    expect(found.problems).toEqual([]);
  });

  it('are found below ours by the way up', () => {
    const answers = {
      'namespace /proc/20/ns/user NS_GET_PARENT': { number: '51' },
      'namespace /proc/20/ns/user NS_GET_PARENT NS_GET_PARENT': { number: '40' },
    };
    const found = look(hostWith(answers, '40'));
    expect(found.user).toMatchObject({ relation: 'below', uids: [{ here: 100000, count: 1000 }, { here: 0 }] });
  });

  it('are believed for the first id of a range only where the namespace is not below ours', () => {
    const answers = {
      'namespace /proc/20/ns/user NS_GET_PARENT': { gap: { reason: 'denied', errno: 'EPERM' } },
      'file /proc/20/uid_map': { text: '0 1000 1\n1 4294967295 65536\n100000 7 2\n' },
    };
    const host = hostWith(answers, '40');
    const found = look(host);
    expect(found.user?.relation).toBe('beyond');
    expect(found.user?.uids).toEqual([
      { inside: 0, here: 1000, count: 1 },
      { inside: 1, here: null, count: 1 },
      { inside: 2, here: null, count: 65535 },
      { inside: 100000, here: 7, count: 1 },
      { inside: 100001, here: null, count: 1 },
    ]);
    const [outward, inward] = translate(host, found, [{ kind: 'uid', id: 100001 }]);
    expect(outward).toMatchObject({ to: null, unmapped: 'unknown' });
    expect(inward).toMatchObject({ to: null, unmapped: 'unknown' });
  });

  it('are taken as they stand by who may not look but is in the initial namespace', () => {
    const denied = { gap: { reason: 'denied', errno: 'EACCES' } };
    const found = look(hostWith({ 'link /proc/20/ns/user': denied, 'link /proc/20/ns/pid': denied }));
    expect(found.user).toMatchObject({ inode: null, relation: 'unknown', uids: [{ here: 100000 }, { here: 0 }] });
    expect(found.pids).toEqual({ inode: null, relation: 'below', pairs: [{ inside: 1, here: 20 }] });
    expect(found.gaps.map(({ subject, reason }) => [subject, reason])).toEqual([
      ['user namespace', 'denied'],
      ['pid namespace', 'denied'],
    ]);
  });

  it('are unknown where they cannot be read or are malformed', () => {
    const found = look(hostWith({ 'file /proc/20/uid_map': { text: '0 x 1\n' } }));
    expect(found.user?.uids).toBeNull();
    expect(found.gaps).toMatchObject([{ subject: 'id map', reason: 'malformed' }]);
  });
});

describe('one id', () => {
  const host = hostWith({});
  const one = (kind: 'uid' | 'gid' | 'pid', id: number): unknown =>
    translate(host, look(host), [{ kind, id }]).map(({ from, to, unmapped }) => [from, to, unmapped]);

  it('is translated both ways', () => {
    expect(one('uid', 5)).toEqual([
      ['inside', 100005, null],
      ['here', 65534, 'overflow'],
    ]);
    expect(one('uid', 100999)).toEqual([
      ['inside', null, 'no_such_id'],
      ['here', 999, null],
    ]);
    expect(one('uid', 1000)).toEqual([
      ['inside', 0, null],
      ['here', 65534, 'overflow'],
    ]);
    expect(one('pid', 2)).toEqual([
      ['inside', 21, null],
      ['here', null, 'not_in_namespace'],
    ]);
  });

  it('has no overflow id where the kernel does not tell it', () => {
    expect(one('gid', 5)).toEqual([
      ['inside', 100005, null],
      ['here', null, 'overflow'],
    ]);
  });
});

describe('problems of a map', () => {
  const user = { inode: 50n, relation: 'below', uids: [], gids: [], setgroups: 'allow' } as const;

  it('unwritten maps, and who could write the gid map', () => {
    expect(mapProblems(user)).toEqual([
      { code: 'unwritten', kind: 'uid' },
      { code: 'unwritten', kind: 'gid' },
      { code: 'setgroups_allowed' },
    ]);
  });

  it('ranges that hold an id twice', () => {
    const uids = [
      { inside: 10, here: 0, count: 5 },
      { inside: 14, here: 90, count: 1 },
    ];
    const gids = [
      { inside: 0, here: 7, count: 5 },
      { inside: 5, here: 3, count: 5 },
    ];
    expect(mapProblems({ ...user, uids, gids, setgroups: 'deny' })).toEqual([
      { code: 'overlap', kind: 'uid', side: 'inside', id: 14 },
      { code: 'root_inside', kind: 'uid', id: 10 },
      { code: 'overlap', kind: 'gid', side: 'here', id: 7 },
      { code: 'setgroups_denied' },
    ]);
  });
});

describe('nstool ids', () => {
  const host = hostWith({});

  it('prints the maps, and what is wrong with them', async () => {
    expect(await runCommand(ids, ['20'], { host })).toEqual({
      stdout: [
        'KIND  INSIDE    HERE  COUNT',
        'uid        0  100000   1000',
        'uid     1000       0      1',
        'gid        0  100000  65536',
        'pid        1      20      2',
        '',
      ].join('\n'),
      notes: ['uid 0 here is uid 1000 inside'],
      status: 0,
    });
  });

  it('says no when an id is mapped neither way', async () => {
    expect((await runCommand(ids, ['20', 'uid:5'], { host })).status).toBe(0);
    expect((await runCommand(ids, ['20', 'uid:5', 'uid:70000'], { host })).status).toBe(1);
  });

  it.each(['uid', 'uid:', 'uid:-1', 'uid:4294967295', 'tid:1', 'uid:1x', '7'])('refuses %s', async (word) => {
    const error = await runCommand(ids, ['20', word], { host }).catch((reason: unknown) => reason as NsError);
    expect(error).toMatchObject({ code: 'BAD_VALUE' });
  });

  it.each(fixtureHosts)('has maps of every process of the recorded host %s, or gaps', async (name) => {
    const recorded = fixtureHost(name);
    const entries = recorded.readDirectory('/proc');
    for (const pid of entries.ok ? entries.value.filter((entry) => /^[0-9]+$/.test(entry)) : []) {
      if (!recorded.readFile(`/proc/${pid}/status`).ok) continue;
      const found = targetIds(recorded, { type: 'process', pid: Number(pid) });
      expect(found.user?.uids ?? found.gaps.length, pid).not.toBe(0);
    }
  });
});
