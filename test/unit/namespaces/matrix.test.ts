// Who shares what, on hosts made for it.

import { describe, expect, it } from 'vitest';
import { namespaceKinds, type NamespaceKind } from '../../../src/kernel/abi/namespace-kinds.ts';
import type { CountedGap } from '../../../src/kernel/gap-tally.ts';
import { processLinks } from '../../../src/namespaces/discover/process-links.ts';
import { emptyScan } from '../../../src/namespaces/discover/scan.ts';
import { matrixRows, type MatrixRow } from '../../../src/namespaces/matrix.ts';
import { hostOf } from '../../support/recorded.ts';
import { procOf, type FakeProcess } from '../../support/fake-proc.ts';

const KINDS = new Set(namespaceKinds.map(({ kind }) => kind));
const ID = 'a'.repeat(64);
const POD = 'pod11111111_2222_3333_4444_555555555555';

interface Look {
  readonly rows: readonly MatrixRow[];
  readonly gaps: readonly CountedGap[];
  /** `NAME PIDS net=1 uts=own`, without what is the host's. */
  readonly lines: readonly string[];
}

function look(processes: readonly FakeProcess[], kinds: ReadonlySet<NamespaceKind> = KINDS, more = {}): Look {
  const scan = emptyScan(hostOf({ ...procOf(processes), ...more }), kinds);
  processLinks.discover(scan);
  const rows = matrixRows(scan);
  return { rows, gaps: scan.gaps.list(), lines: rows.map(line) };
}

function line({ name, pids, cells }: MatrixRow): string {
  const told = [...cells].flatMap(([kind, cell]) => {
    if (typeof cell === 'string') return [`${kind}=${cell}`];
    return cell.initial === true ? [] : [`${kind}=${cell.group ?? 'own'}`];
  });
  return [name, pids.join(','), ...told].join(' ');
}

describe('matrixRows', () => {
  it('has a row for a container, a unit and the processes of a name, in this order', () => {
    const { lines } = look([
      { pid: 7, comm: 'bash' },
      { pid: 8, cgroup: '/system.slice/ssh.service' },
      { pid: 9, cgroup: `/docker/${ID}`, ns: { net: 4026532001n, mnt: 4026532002n } },
      { pid: 10, comm: 'bash' },
      { pid: 11, cgroup: `/docker/${ID}`, ns: { net: 4026532001n, mnt: 4026532002n } },
      { pid: 12, cgroup: '/system.slice/ssh.service' },
    ]);
    expect(lines).toEqual(['container:aaaaaaaaaaaa 9,11 net=own mnt=own', 'unit:ssh.service 8,12', 'comm:bash 7,10']);
  });

  it('numbers what several rows share, each kind by itself', () => {
    const { lines } = look([
      { pid: 7, comm: 'a', ns: { net: 4026532001n, uts: 4026532009n } },
      { pid: 8, comm: 'b', ns: { net: 4026532002n } },
      { pid: 9, comm: 'c', ns: { net: 4026532002n, uts: 4026532009n } },
      { pid: 10, comm: 'd', ns: { net: 4026532001n } },
      { pid: 11, comm: 'e', ns: { net: 4026532003n } },
    ]);
    expect(lines).toEqual([
      'comm:a 7 uts=1 net=1',
      'comm:b 8 net=2',
      'comm:c 9 uts=1 net=2',
      'comm:d 10 net=1',
      'comm:e 11 net=own',
    ]);
  });

  it('has a row each for the members of a container that are not in the same namespaces', () => {
    const { lines } = look([
      { pid: 8, cgroup: `/docker/${ID}`, ns: { net: 4026532001n } },
      { pid: 9, cgroup: `/docker/${ID}`, ns: { net: 4026532001n, uts: 4026532002n } },
    ]);
    expect(lines).toEqual(['container:aaaaaaaaaaaa 8 net=1', 'container:aaaaaaaaaaaa 9 uts=own net=1']);
  });

  it('does not split them by a kind that was not asked for', () => {
    const processes = [
      { pid: 8, comm: 'a', ns: { net: 4026532001n } },
      { pid: 9, comm: 'a', ns: { net: 4026532001n, uts: 4026532002n } },
    ];
    expect(look(processes, new Set(['net'])).lines).toEqual(['comm:a 8,9 net=own']);
  });

  it('keeps the containers of a pod apart, and shows what they share', () => {
    const cgroup = (id: string): string =>
      `/kubepods.slice/kubepods-${POD}.slice/cri-containerd-${id.repeat(64)}.scope`;
    const { lines } = look([
      { pid: 8, cgroup: cgroup('a'), ns: { net: 4026532001n, mnt: 4026532002n } },
      { pid: 9, cgroup: cgroup('b'), ns: { net: 4026532001n, mnt: 4026532003n } },
    ]);
    expect(lines).toEqual(['container:aaaaaaaaaaaa 8 net=1 mnt=own', 'container:bbbbbbbbbbbb 9 net=1 mnt=own']);
  });

  it("keeps a plain user's unit apart from root's of the same name", () => {
    const { lines } = look([
      { pid: 8, cgroup: '/system.slice/web.service' },
      { pid: 9, cgroup: '/user.slice/user-1000.slice/user@1000.service/app.slice/web.service' },
    ]);
    expect(lines).toEqual(['unit:web.service 8', 'unit:web.service 9']);
  });

  it('says of closed processes that they are', () => {
    const { lines, gaps } = look([
      { pid: 8, cgroup: `/docker/${ID}`, ns: 'closed' },
      { pid: 9, cgroup: `/docker/${ID}`, ns: 'closed' },
    ]);
    const cells = namespaceKinds.map(({ kind }) => `${kind}=closed`).join(' ');
    expect(lines).toEqual([`container:aaaaaaaaaaaa 8,9 ${cells}`]);
    expect(gaps).toMatchObject([{ subject: 'process', reason: 'denied', count: 2 }]);
  });

  it('has a zombie in the two that it has', () => {
    const { rows, gaps } = look([{ pid: 8, comm: 'dead', ns: 'zombie' }]);
    const none = [...(rows[0]?.cells ?? [])].flatMap(([kind, cell]) => (cell === 'none' ? [kind] : []));
    expect(none.toSorted()).toEqual(['cgroup', 'ipc', 'mnt', 'net', 'time', 'uts']);
    expect(gaps).toEqual([]);
  });

  it("counts the kernel's threads together, but for those that are elsewhere", () => {
    const { lines } = look([
      { pid: 2, ppid: 0, comm: 'kthreadd' },
      { pid: 3, ppid: 2, comm: 'kworker/0:0' },
      { pid: 4, ppid: 2, comm: 'kdevtmpfs', ns: { mnt: 4026531862n } },
      { pid: 5, ppid: 2, comm: 'kswapd0' },
      { pid: 7, comm: 'bash' },
    ]);
    expect(lines).toEqual(['comm:bash 7', 'comm:kdevtmpfs 4 mnt=own', 'comm:kthreadd 2,3,5']);
  });

  it('takes process 2 of a container for what it is', () => {
    const pid = 4026532005n;
    const { lines } = look([
      { pid: 1, ppid: 0, comm: 'sh', ns: { pid } },
      { pid: 2, ppid: 0, comm: 'kthreadd', ns: { pid } },
      { pid: 3, ppid: 2, comm: 'x', ns: { pid } },
      { pid: 7, comm: 'y', ns: { pid } },
    ]);
    expect(lines).toEqual(['comm:kthreadd 2 pid=1', 'comm:sh 1 pid=1', 'comm:x 3 pid=1', 'comm:y 7 pid=1']);
  });

  it("tells the host's by the kernel's threads where the kernel gives it any number", () => {
    const old = { net: 4026531840n, mnt: 4026531841n };
    const { lines, gaps } = look([
      { pid: 2, ppid: 0, comm: 'kthreadd', ns: old },
      { pid: 7, comm: 'a', ns: old },
      { pid: 8, comm: 'b', ns: { ...old, net: 4026532001n } },
    ]);
    expect(lines).toEqual(['comm:a 7', 'comm:b 8 net=own', 'comm:kthreadd 2']);
    expect(gaps).toEqual([]);
  });

  it("says that it cannot tell the host's where nothing tells", () => {
    const { rows, gaps } = look([
      { pid: 7, comm: 'a', ns: { net: 4026531840n } },
      { pid: 8, comm: 'b', ns: { net: 4026531840n } },
    ]);
    expect(rows.map(({ cells }) => cells.get('net'))).toEqual([
      { ns: 4026531840n, initial: null, group: 1 },
      { ns: 4026531840n, initial: null, group: 1 },
    ]);
    expect(gaps).toMatchObject([{ subject: 'namespace of the host', reason: 'unsupported', examples: ['net'] }]);
  });

  it('leaves out what ended meanwhile, and keeps what has no name', () => {
    const ended = { 'file /proc/8/stat': { gap: { reason: 'gone', what: '/proc/8/stat', errno: 'ENOENT' } } };
    const odd = { 'file /proc/9/stat': { text: '9 (trunc' } };
    const { lines, gaps } = look([{ pid: 7 }, { pid: 8 }, { pid: 9 }], KINDS, { ...ended, ...odd });
    expect(lines).toEqual(['9 9', 'comm:sleep 7']);
    expect(gaps.map(({ subject, reason }) => `${subject} ${reason}`)).toEqual([
      'process name gone',
      'process name malformed',
    ]);
  });
});
