// What entered a container and what only looks like it.

import { describe, expect, it } from 'vitest';
import { ls } from '../../../src/cli/commands/ls.ts';
import { show } from '../../../src/cli/commands/show.ts';
import { lookAtAll } from '../../../src/namespaces/crowd.ts';
import { enteredProcesses, type Entered } from '../../../src/namespaces/entered.ts';
import { procOf, type FakeProcess } from '../../support/fake-proc.ts';
import { hostOf, runCommand } from '../../support/recorded.ts';
import { faults, passed } from '../../support/schemas.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const inA = `/docker/${A}`;
const inB = `/docker/${B}`;
const OWN = { mnt: 4026532001n, net: 4026532002n, pid: 4026532003n, ipc: 4026532004n, uts: 4026532005n };
const OTHER = { mnt: 4026532101n, net: 4026532102n, pid: 4026532103n, ipc: 4026532104n, uts: 4026532105n };
const { net, mnt } = OWN;

const shim: FakeProcess = { pid: 50, comm: 'containerd-shim', cmdline: ['containerd-shim-runc-v2', '-id', A] };
const init: FakeProcess = { pid: 60, ppid: 50, comm: 'web', cgroup: inA, ns: OWN };
const bash: FakeProcess = { pid: 70, comm: 'bash', uid: 1000, cgroup: '/system.slice/ssh.service' };
const web = [shim, init, bash];

function look(...processes: readonly FakeProcess[]): Entered {
  return enteredProcesses(lookAtAll(hostOf(procOf([{ pid: 7, comm: 'nstool' }, ...processes]))));
}

function pidsOf(...processes: readonly FakeProcess[]): readonly number[] {
  return [...look(...processes).entries.keys()];
}

describe('a process entered', () => {
  it('the network only, from a shell', () => {
    const nsentered = { pid: 80, ppid: 70, cgroup: '/system.slice/ssh.service', ns: { net } };
    const { entries, into } = look(...web, nsentered);
    expect([...entries.values()]).toEqual([
      {
        pid: 80,
        comm: 'sleep',
        container: 'container:aaaaaaaaaaaa',
        shared: ['net'],
        missing: ['ipc', 'uts', 'pid', 'mnt'],
        inCgroup: false,
        name: 'unit:ssh.service',
        starter: { pid: 70, comm: 'bash', name: 'unit:ssh.service', uid: 1000 },
      },
    ]);
    expect(into(60)?.map(({ pid }) => pid)).toEqual([80]);
    expect(into(50)).toBe(undefined);
    expect(into(80)).toBe(undefined);
  });

  it('all namespaces, but not the cgroup; nsenter that waits for it, too', () => {
    const waits = { pid: 80, ppid: 70, comm: 'nsenter', ns: { ...OWN, pid: 4026531836n } };
    const { entries } = look(...web, waits, { pid: 81, ppid: 80, ns: OWN });
    expect(entries.get(81)).toMatchObject({ missing: [], inCgroup: false, starter: { pid: 70 } });
    expect(entries.get(80)).toMatchObject({ missing: ['pid'], starter: { pid: 70 } });
  });

  it('the cgroup and some namespaces', () => {
    const { entries } = look(...web, { pid: 80, ppid: 70, cgroup: inA, ns: { net } });
    expect(entries.get(80)).toMatchObject({ shared: ['net'], inCgroup: true, starter: { pid: 70 } });
  });

  it('from another container', () => {
    const debug = [
      { pid: 61, ppid: 51, comm: 'sh', cgroup: inB, ns: OTHER },
      { pid: 80, ppid: 61, cgroup: inB, ns: { ...OTHER, net } },
    ];
    const { entries } = look(...web, ...debug);
    expect([...entries.keys()]).toEqual([80]);
    expect(entries.get(80)).toMatchObject({
      container: 'container:aaaaaaaaaaaa',
      name: 'container:bbbbbbbbbbbb',
      starter: { pid: 61, name: 'container:bbbbbbbbbbbb' },
    });
  });

  it('as the first process of another container, into the mount namespace', () => {
    expect(pidsOf(...web, { pid: 80, ppid: 51, cgroup: inB, ns: { mnt, net } })).toEqual([80]);
  });

  it.each([
    ['process 1', { pid: 71, ppid: 1, comm: 'x' }, 1],
    ["a user's systemd", { pid: 71, ppid: 1, comm: 'systemd' }, 71],
    ['the shim', shim, 50],
    ["the container's first process", init, 60],
  ])('and its starter has ended: it hangs on %s', (_, reaper, ppid) => {
    const session = '/user.slice/user-1000.slice/session-3.scope';
    const { entries } = look(...web.filter(({ pid }) => pid !== reaper.pid), reaper, {
      pid: 80,
      ppid,
      cgroup: session,
      ns: OWN,
    });
    expect(entries.get(80)).toMatchObject({ starter: null, name: 'unit:session-3.scope' });
  });

  it('with a parent that is closed to us', () => {
    const { entries } = look(shim, init, { ...bash, ns: 'closed' }, { pid: 80, ppid: 70, ns: { net } });
    expect(entries.get(80)).toMatchObject({ starter: { pid: 70, comm: 'bash' } });
  });

  it('of which container, where several have the network', () => {
    const sidecar = { pid: 61, ppid: 51, cgroup: inB, ns: { ...OTHER, net } };
    const { entries } = look(
      ...web,
      sidecar,
      { pid: 80, ppid: 70, ns: { net } },
      { pid: 81, ppid: 70, ns: { net, mnt: OTHER.mnt } },
    );
    expect(entries.get(80)?.container).toBe('container:aaaaaaaaaaaa');
    expect(entries.get(81)).toMatchObject({ container: 'container:bbbbbbbbbbbb', shared: ['net', 'mnt'] });
  });
});

describe('no process entered', () => {
  it.each<readonly [string, readonly FakeProcess[]]>([
    ['what the container runs', [{ pid: 80, ppid: 60, cgroup: inA, ns: OWN }]],
    ['what docker exec started', [{ pid: 80, ppid: 50, cgroup: inA, ns: OWN }]],
    ['in a cgroup below', [{ pid: 80, ppid: 60, cgroup: `${inA}/system.slice/x.service`, ns: OWN }]],
    ['a child in a new namespace', [{ pid: 80, ppid: 60, cgroup: inA, ns: { ...OWN, net: 4026532201n } }]],
    [
      "a grandchild, its parent's parent in new namespaces",
      [
        { pid: 80, ppid: 50, cgroup: inA, ns: OWN },
        { pid: 81, ppid: 80, cgroup: inA, ns: { ...OWN, mnt: 4026532201n } },
        { pid: 82, ppid: 81, cgroup: inA, ns: { ...OWN, mnt: 4026532201n, uts: 4026532202n } },
      ],
    ],
    [
      'a child that came back to the host by rights of the container',
      [{ pid: 80, ppid: 60, cgroup: inA, ns: { net } }],
    ],
    ['the shim', []],
    [
      'a monitor that is in the network',
      [{ pid: 80, cmdline: ['conmon', '-c', A, '-n', 'web'], comm: 'conmon', ns: { net } }],
    ],
    ["a container with the other's network", [{ pid: 61, ppid: 51, cgroup: inB, ns: { ...OTHER, net } }]],
    [
      'what such a container runs',
      [
        { pid: 61, ppid: 51, cgroup: inB, ns: { ...OTHER, net, pid: OWN.pid } },
        { pid: 62, ppid: 61, cgroup: inB, ns: { ...OTHER, net, pid: OWN.pid } },
      ],
    ],
    [
      'a thread of the kernel',
      [
        { pid: 2, ppid: 0, comm: 'kthreadd' },
        { pid: 3, ppid: 2 },
      ],
    ],
    ['in a namespace that is of no container', [{ pid: 80, ppid: 70, ns: { net: 4026532301n } }]],
    ['a zombie, which v1 hierarchies no longer have in the cgroup', [{ pid: 80, ppid: 60, state: 'Z', ns: OWN }]],
    ['closed to us', [{ pid: 80, ppid: 70, ns: 'closed' }]],
    ['moved into the cgroup, and no more', [{ pid: 80, ppid: 70, cgroup: inA }]],
  ])('%s', (_, more) => {
    expect(pidsOf(...web, ...more)).toEqual([]);
  });

  it('the containers of a pod, which share what its sandbox has', () => {
    const pod = '/kubepods.slice/kubepods-pod11111111_2222_3333_4444_555555555555.slice';
    const scope = (id: string): string => `${pod}/cri-containerd-${id}.scope`;
    const { net, ipc, uts } = OWN;
    expect(
      pidsOf(
        { pid: 59, comm: 'shim', cmdline: ['containerd-shim-runc-v2', '-id', A] },
        { pid: 60, ppid: 59, comm: 'pause', cgroup: scope(A), ns: OWN },
        { pid: 61, ppid: 59, comm: 'app', cgroup: scope(B), ns: { ...OTHER, net, ipc, uts } },
        { pid: 62, ppid: 61, comm: 'worker', cgroup: scope(B), ns: { ...OTHER, net, ipc, uts } },
      ),
    ).toEqual([]);
  });

  it('those in the user namespace of a rootless engine, which its containers are in, too', () => {
    const user = 4026532401n;
    const slice = '/user.slice/user-1000.slice/user@1000.service/user.slice';
    expect(
      pidsOf(
        { pid: 40, comm: 'catatonit', ns: { user, mnt: 4026532402n } },
        { pid: 50, comm: 'conmon', cmdline: ['conmon', '-c', A], ns: { user, mnt: 4026532402n } },
        { pid: 60, ppid: 50, cgroup: `${slice}/libpod-${A}.scope/container`, ns: { ...OWN, user } },
        { pid: 71, comm: 'buildah', ns: { user, mnt: 4026532403n } },
      ),
    ).toEqual([]);
  });

  it('a container within a container, in the network of the outer one', () => {
    const { net } = OWN;
    expect(
      pidsOf(
        ...web,
        { pid: 61, ppid: 60, comm: 'containerd-shim', cgroup: inA, ns: OWN },
        { pid: 62, ppid: 61, cgroup: `${inA}/docker/${B}`, ns: { ...OTHER, net } },
      ),
    ).toEqual([]);
  });

  it('a daemon in the cgroup that made a network of its own and lost its parent', () => {
    const shared = { mnt: OWN.mnt, net: OWN.net };
    expect(
      pidsOf(shim, { ...init, ns: shared }, { pid: 80, ppid: 50, cgroup: inA, ns: { ...shared, net: 4026532501n } }),
    ).toEqual([]);
  });

  it('where the container lost its shim', () => {
    expect(pidsOf({ ...init, ppid: 1 }, { pid: 80, ppid: 60, cgroup: inA, ns: OWN })).toEqual([]);
  });
});

describe('entered in the commands', () => {
  const comm = 'evil)\n\u001b[31m';
  const host = hostOf({
    ...procOf([
      { pid: 7, comm: 'nstool' },
      shim,
      init,
      { ...bash, comm },
      { pid: 80, ppid: 70, cgroup: '/system.slice/ssh.service', ns: { net } },
    ]),
    'file /etc/passwd': { text: 'root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n' },
    'file /proc/self/status': {
      text: 'Name:\tx\nPid:\t7\nTgid:\t7\nPPid:\t1\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nNSpid:\t7\n',
    },
    'file /proc/self/mountinfo': { text: '' },
  });
  const how =
    '(net, not ipc uts pid mnt; outside its cgroup), started by 70 evil)\\n\\x1b[31m of unit:ssh.service, user alice';
  const stdout = async (...words: readonly string[]): Promise<string> => {
    const [command = '', ...rest] = words;
    return (await runCommand(command === 'show' ? show : ls, rest, { host })).stdout;
  };

  it('show has it of the process and of the container', async () => {
    expect(await stdout('show', '80', '-o', 'entered')).toBe(`container:aaaaaaaaaaaa ${how}\n`);
    expect(await stdout('show', 'container:aaa', '-o', 'entered_by')).toBe(`80 sleep ${how}\n`);
    expect(await stdout('show', '70', '-o', 'entered,entered_by')).toBe('-\n-\n');
    const answer = JSON.parse(await stdout('show', '80', '-J', '-o', 'entered')) as { process: unknown };
    const ofContainer: unknown = JSON.parse(await stdout('show', '60', '-J', '-o', 'entered_by'));
    for (const one of [answer, ofContainer]) expect([faults('show', one), passed('show', one)]).toEqual([[], []]);
    expect(answer.process).toEqual({
      entered: {
        container: 'container:aaaaaaaaaaaa',
        shared: ['net'],
        missing: ['ipc', 'uts', 'pid', 'mnt'],
        in_cgroup: false,
        name: 'unit:ssh.service',
        starter: { pid: 70, comm, name: 'unit:ssh.service', uid: 1000, user: 'alice' },
      },
    });
  });

  it('ls has the pids in the namespaces that they entered, and of processes the container', async () => {
    expect(await stdout('ls', '-n', '-r', '-t', 'net,mnt', '-o', 'TYPE,PID,ENTERED')).toBe(
      'mnt 7 -\nnet 7 -\nmnt 60 -\nnet 60 80\n',
    );
    expect(await stdout('ls', '-n', '-r', `net:${net}`, '-o', 'PID,ENTERED')).toBe('60 -\n80 container:aaaaaaaaaaaa\n');
    expect(await stdout('ls', '-n', '-r', '-Q', 'ENTERED', '-o', 'TYPE')).toBe('net\n');
  });
});
