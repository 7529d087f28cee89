// The audit on made-up hosts: what the kernel here lacks, what cannot be told, what hostile names make of it; baselines,
// the forms of its answer, and that every code is described.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { audit as command } from '../../../src/cli/commands/audit.ts';
import { staleNote } from '../../../src/cli/commands/audit-report.ts';
import { explain } from '../../../src/cli/commands/explain.ts';
import { allChecks } from '../../../src/inspect/audit/checks.ts';
import { whyCodes, whyTitle } from '../../../src/inspect/cgroup-why/codes.ts';
import { doctorCodes, doctorTitle } from '../../../src/inspect/doctor/codes.ts';
import { correlations } from '../../../src/inspect/audit/correlations.ts';
import { audit, type AuditReport } from '../../../src/inspect/audit/report.ts';
import { sarifOf } from '../../../src/inspect/audit/sarif.ts';
import { codes, titleOf } from '../../../src/inspect/audit/texts.ts';
import type { Host } from '../../../src/kernel/host.ts';
import { renderJson } from '../../../src/render/json.ts';
import { cgroupAnswers } from '../../support/fake-cgroups.ts';
import { procOf, type FakeProcess } from '../../support/fake-proc.ts';
import { fixtureHost, fixtureHosts, hostOf, runCommand } from '../../support/recorded.ts';

const FULL = '000001ffffffffff';
const NONE = '0000000000000000';
const ID = '1'.repeat(64);
const TARGET = 50;

interface Facts {
  readonly uid?: string;
  readonly effective?: string;
  readonly bounding?: string;
  readonly seccomp?: number;
  readonly noNewPrivileges?: number;
  readonly process?: Partial<FakeProcess>;
  readonly mounts?: readonly string[];
  readonly hostMounts?: readonly string[];
  /** More answers, or others. */
  readonly answers?: Readonly<Record<string, object>>;
}

function statusOf(pid: number, facts: Facts): string {
  const { uid = '0\t0\t0\t0', effective = NONE, bounding = effective, seccomp = 2, noNewPrivileges = 1 } = facts;
  return [
    'Name:\tsleep',
    `Tgid:\t${pid}`,
    `Pid:\t${pid}`,
    'PPid:\t1',
    'TracerPid:\t0',
    `Uid:\t${uid}`,
    'Gid:\t0\t0\t0\t0',
    'Groups:\t ',
    `NSpid:\t${pid}`,
    'VmSize:\t1000 kB',
    'Threads:\t1',
    `CapInh:\t${NONE}`,
    `CapPrm:\t${effective}`,
    `CapEff:\t${effective}`,
    `CapBnd:\t${bounding}`,
    `CapAmb:\t${NONE}`,
    `NoNewPrivs:\t${noNewPrivileges}`,
    `Seccomp:\t${seccomp}`,
    '',
  ].join('\n');
}

const OWN_ROOT = '30 1 0:99 / / ro - overlay overlay rw';
const HOST_ROOT = '22 1 254:0 / / rw - ext4 /dev/vda rw';

/** A container of docker's with namespaces of its own, confined in every way, but for what `facts` say. */
function hostWith(facts: Facts = {}): Host {
  const { process = {}, mounts = [OWN_ROOT], hostMounts = [HOST_ROOT], answers = {} } = facts;
  const ns = { pid: 101n, net: 102n, ipc: 103n, uts: 104n, mnt: 105n, cgroup: 106n };
  const contained = { pid: TARGET, cgroup: `/docker/${ID}`, ns, ...process };
  const folder = `/proc/${TARGET}`;
  return hostOf({
    ...procOf([{ pid: 1 }, { pid: 2, ppid: 0, comm: 'kthreadd' }, { pid: 7 }, contained]),
    'file /proc/sys/kernel/cap_last_cap': { text: '40\n' },
    'file /proc/self/mountinfo': { text: `${hostMounts.join('\n')}\n` },
    'file /proc/self/net/unix': { text: 'Num       RefCount Protocol Flags    Type St Inode Path\n' },
    'file /proc/7/status': { text: statusOf(7, { effective: FULL, seccomp: 0, noNewPrivileges: 0 }) },
    'file /proc/self/status': { text: statusOf(7, { effective: FULL, seccomp: 0, noNewPrivileges: 0 }) },
    'file /etc/group': { text: 'root:x:0:\n' },
    [`file ${folder}/status`]: { text: statusOf(TARGET, facts) },
    [`file ${folder}/uid_map`]: { text: '         0          0 4294967295\n' },
    [`file ${folder}/gid_map`]: { text: '         0          0 4294967295\n' },
    [`file ${folder}/mountinfo`]: { text: `${mounts.join('\n')}\n` },
    [`file ${folder}/net/unix`]: { text: '' },
    [`file ${folder}/oom_score_adj`]: { text: '0\n' },
    [`file ${folder}/comm`]: { text: 'sleep\n' },
    ...answers,
  });
}

function look(host: Host): AuditReport {
  return audit(host, [{ type: 'process', pid: TARGET, word: 'web', whole: false }], { files: false });
}

/** The severity of each finding with this code. */
function of(code: string, facts: Facts): readonly string[] {
  return look(hostWith(facts))
    .findings.filter((finding) => finding.code === code)
    .map(({ severity }) => severity);
}

describe('what the kernel here lacks', () => {
  it('C1: every capability that the kernel knows, however many those are', () => {
    expect(of('C1', { effective: FULL })).toEqual(['critical']);
    expect(of('C1', { effective: '000001fffeffffff' })).toEqual([]);
    const old = { 'file /proc/sys/kernel/cap_last_cap': { text: '37\n' } };
    expect(of('C1', { effective: '0000003fffffffff', answers: old })).toEqual(['critical']);
    expect(of('C1', { effective: '0000003fffffffff' })).toEqual([]);
  });

  it("N5: a container in the host's mount namespace", () => {
    expect(of('N5', { process: { ns: {} } })).toEqual(['critical']);
    expect(of('N5', {})).toEqual([]);
  });

  it('C3: not where modules are off until the next boot', () => {
    const answers = { 'file /proc/sys/kernel/modules_disabled': { text: '1\n' } };
    expect(of('C3', { effective: '0000000000010000' })).toEqual(['critical']);
    expect(of('C3', { effective: '0000000000010000', answers })).toEqual([]);
  });

  it('C11: high where the cgroup allows all devices', () => {
    const cgroup = (list: string): Facts => ({
      effective: '0000000008000000',
      hostMounts: [HOST_ROOT, '23 22 0:30 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices'],
      answers: {
        [`file /proc/${TARGET}/cgroup`]: { text: `5:devices:/docker/${ID}\n` },
        ...cgroupAnswers({ [`/sys/fs/cgroup/devices/docker/${ID}`]: { 'devices.list': list } }),
      },
    });
    expect(of('C11', cgroup('a *:* rwm\n'))).toEqual(['high']);
    expect(of('C11', cgroup('c 1:3 rwm\n'))).toEqual(['low']);
    expect(of('C11', { effective: '0000000008000000' })).toEqual(['low']);
  });

  it.each([
    ['unconfined\n', ['medium']],
    ['system_u:system_r:spc_t:s0', ['medium']],
    ['docker-default (enforce)\n', []],
    ['system_u:system_r:container_t:s0:c1,c2', []],
  ])('S3: %j', (label, expected) => {
    expect(of('S3', { answers: { [`file /proc/${TARGET}/attr/apparmor/current`]: { text: label } } })).toEqual(
      expected,
    );
  });

  it('S7: spared when memory runs out', () => {
    expect(of('S7', { answers: { [`file /proc/${TARGET}/oom_score_adj`]: { text: '-999\n' } } })).toEqual(['low']);
    expect(of('S7', {})).toEqual([]);
  });

  it('M10: only where the group is one of the host', () => {
    const hostMounts = [HOST_ROOT, '24 22 254:1 / /srv rw shared:7 - ext4 /dev/vdb rw'];
    expect(of('M10', { hostMounts, mounts: [OWN_ROOT, '31 30 254:1 / /srv rw shared:7 - ext4 /dev/vdb rw'] })).toEqual([
      'medium',
    ]);
    expect(of('M10', { hostMounts, mounts: [OWN_ROOT, '31 30 254:1 / /srv rw shared:8 - ext4 /dev/vdb rw'] })).toEqual(
      [],
    );
    expect(of('M10', { hostMounts, mounts: [OWN_ROOT, '31 30 254:1 / /srv rw master:7 - ext4 /dev/vdb rw'] })).toEqual(
      [],
    );
  });

  it('M12: all of lxcfs, not single files of it', () => {
    expect(of('M12', { mounts: [OWN_ROOT, '31 30 0:50 / /lxcfs rw - fuse.lxcfs lxcfs rw'] })).toEqual(['high']);
    expect(of('M12', { mounts: [OWN_ROOT, '31 30 0:50 /proc/stat /proc/stat rw - fuse.lxcfs lxcfs rw'] })).toEqual([]);
  });

  it('M14: the file of an X server', () => {
    const answers = {
      'directory /tmp/.X11-unix': { names: ['X0', 'junk'] },
      'stat /tmp/.X11-unix/X0': { status: { dev: '1', ino: '2', mode: String(0o140777), uid: '0', gid: '0' } },
    };
    const mounts = [OWN_ROOT, '31 30 254:0 /tmp/.X11-unix /tmp/.X11-unix ro - ext4 /dev/vda rw'];
    expect(of('M14', { answers, mounts })).toEqual(['high']);
    expect(of('M14', { answers })).toEqual([]);
  });

  it('H1 to H4, and none of them on a careful host', () => {
    const settings = (values: Readonly<Record<string, string>>): Readonly<Record<string, object>> =>
      Object.fromEntries(Object.entries(values).map(([name, text]) => [`file /proc/sys/${name}`, { text }]));
    const missing = (name: string): Readonly<Record<string, object>> => {
      const what = `/proc/sys/${name}`;
      return { [`file ${what}`]: { gap: { reason: 'gone', what, errno: 'ENOENT' } } };
    };
    const all = {
      ...missing('kernel/unprivileged_userns_clone'),
      ...missing('kernel/apparmor_restrict_unprivileged_userns'),
      ...missing('kernel/yama/ptrace_scope'),
    };
    const careful = settings({
      'user/max_user_namespaces': '0\n',
      'kernel/core_pattern': 'core\n',
      'kernel/modprobe': '/sbin/modprobe\n',
      'kernel/modules_disabled': '1\n',
      'kernel/sysrq': '0\n',
      'kernel/unprivileged_bpf_disabled': '2\n',
      'kernel/perf_event_paranoid': '3\n',
      'kernel/kptr_restrict': '1\n',
      'kernel/dmesg_restrict': '1\n',
      'net/ipv4/conf/all/route_localnet': '0\n',
    });
    const loose = settings({
      'user/max_user_namespaces': '1000\n',
      'kernel/core_pattern': '|/usr/bin/collect %p\n',
      'kernel/perf_event_paranoid': '-1\n',
      'net/ipv4/conf/all/route_localnet': '1\n',
    });
    const told = (answers: Readonly<Record<string, object>>): readonly string[] =>
      audit(hostWith({ answers: { ...all, ...answers } }), [{ type: 'host' }], { files: false }).findings.map(
        ({ code, severity }) => `${severity} ${code}`,
      );
    expect(told(careful)).toEqual([]);
    expect(told({ ...careful, ...loose })).toEqual(['medium H4', 'low H3', 'info H1', 'info H2']);
  });
});

/** For each finding that a correlation has made critical: its code and theirs. */
function raisedIn(facts: Facts): readonly string[] {
  return look(hostWith(facts)).findings.flatMap(({ code, severity, raised }) =>
    raised.map((each) => `${severity} ${code} by ${each}`),
  );
}

describe('findings that are worse together', () => {
  const cgroupRoot = '40 30 0:40 / /cgroup/pids rw - cgroup cgroup rw,pids';
  const initial = { ns: { pid: 101n, mnt: 105n } };
  const release = (text: string): Readonly<Record<string, object>> => ({ 'file /proc/sys/kernel/osrelease': { text } });
  const admin = '0000000000200000';

  it.each([
    ['5.16.0-1', NONE, ['critical M6 by K3']],
    ['5.17.0-1', NONE, []],
    ['6.1.0-9', NONE, []],
    ['6.1.0-9', admin, ['critical M6 by K3']],
  ])('K3: release_agent asks for CAP_SYS_ADMIN since 5.17: %s, %s', (kernel, effective, expected) => {
    const facts = { effective, process: initial, mounts: [OWN_ROOT, cgroupRoot], answers: release(kernel) };
    expect(raisedIn(facts)).toEqual(expected);
    expect(of('M6', facts)).toEqual([expected.length > 0 ? 'critical' : 'high']);
  });

  it.each([
    ['rw', '0\t0\t0\t0', ['critical M4 by K4']],
    ['ro', '0\t0\t0\t0', []],
    ['rw', '1000\t1000\t1000\t1000', []],
  ])("K4: another /proc with the host's settings, mounted %s, for uids %s", (mode, uid, expected) => {
    const mounts = [
      OWN_ROOT,
      '31 30 0:50 / /proc rw - proc proc rw',
      '32 31 0:50 /sys /proc/sys ro - proc proc rw',
      '33 31 0:50 /sysrq-trigger /proc/sysrq-trigger ro - proc proc rw',
      `34 30 0:51 / /hostproc ${mode} - proc proc rw`,
    ];
    expect(raisedIn({ uid, mounts })).toEqual(expected);
    const masked = [...mounts, '35 34 0:51 /sys /hostproc/sys ro - proc proc rw'];
    expect(raisedIn({ uid, mounts: masked })).toEqual([]);
  });

  it.each([
    ['b *:* m\nc 1:3 rwm\n', [], 'medium', []],
    ['b *:* m\nb 8:0 r\n', [], 'critical', ['critical M8 by K7']],
    ['a *:* rwm\n', [], 'critical', ['critical M8 by K7']],
    ['b *:* m\n', ['41 30 0:41 / /cgroup/devices rw - cgroup cgroup rw,devices'], 'critical', ['critical M8 by K7']],
  ])('K7: not where the cgroup refuses all disks: %j, %j', (list, more, severity, expected) => {
    const facts = {
      effective: '0000000008000000',
      process: initial,
      mounts: [OWN_ROOT, '31 30 0:6 / /dev rw - devtmpfs udev rw', ...more],
      hostMounts: [HOST_ROOT, '23 22 0:30 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices'],
      answers: {
        [`file /proc/${TARGET}/cgroup`]: { text: `5:devices:/docker/${ID}\n` },
        ...cgroupAnswers({ [`/sys/fs/cgroup/devices/docker/${ID}`]: { 'devices.list': list } }),
        [`tree ["/proc/${TARGET}/root","/dev",""] flat 10000`]: { gap: { reason: 'gone', what: '/dev' } },
        ...release('6.1.0\n'),
      },
    };
    expect(raisedIn(facts)).toEqual(expected);
    expect(of('M8', facts)).toEqual([severity]);
  });
});

type Folders = Parameters<typeof cgroupAnswers>[0];

describe('cgroups', () => {
  const ROOT = '/sys/fs/cgroup';
  const CONTROLLERS = 'cpuset cpu io memory pids\n';

  /** A container of docker's in system.slice, all on v2. */
  const unified = (own: Folders[string], slice: Folders[string] = {}, more: Partial<Facts> = {}): Facts => {
    const inner = { 'cgroup.type': 'domain\n', 'cgroup.controllers': CONTROLLERS };
    const weight = { 'cpu.weight': '100\n' };
    const path = `/system.slice/docker-${ID}.scope`;
    return {
      process: { cgroup: path },
      hostMounts: [HOST_ROOT, `23 22 0:26 / ${ROOT} rw - cgroup2 cgroup2 rw`],
      ...more,
      answers: {
        ...cgroupAnswers({
          [ROOT]: { 'cgroup.controllers': CONTROLLERS },
          [`${ROOT}/system.slice`]: { ...inner, ...slice },
          [`${ROOT}${path}`]: { ...inner, ...weight, ...own },
        }),
        ...more.answers,
      },
    };
  };
  const free = { 'memory.max': 'max\n', 'memory.high': 'max\n', 'cpu.max': 'max 100000\n', 'pids.max': 'max\n' };

  it('G1, G2, G3: no limit up to the root', () => {
    expect(['G1', 'G2', 'G3'].map((code) => of(code, unified(free, free)))).toEqual([['low'], ['info'], ['low']]);
    const found = look(hostWith(unified(free, free))).findings.find(({ code }) => code === 'G1');
    expect(found?.evidence).toEqual([
      `${ROOT}/system.slice/docker-${ID}.scope/memory.max: max, and so up to the root`,
      `${ROOT}/system.slice/docker-${ID}.scope/memory.high: max, and so up to the root`,
    ]);
  });

  it('of a sandbox that is no container it is only told', () => {
    const facts = unified(free, free);
    const answers = { ...facts.answers, [`file /proc/${TARGET}/cgroup`]: { text: '0::/system.slice\n' } };
    expect(['G1', 'G2', 'G3'].map((code) => of(code, { ...facts, answers }))).toEqual([['info'], ['info'], ['info']]);
  });

  it.each([
    ['G1', 'memory.max', '100000\n'],
    ['G1', 'memory.high', '100000\n'],
    ['G2', 'cpu.max', '20000 100000\n'],
    ['G3', 'pids.max', '100\n'],
  ])('%s: not with %s, its own or that above', (code, file, limit) => {
    expect(of(code, unified({ ...free, [file]: limit }, free))).toEqual([]);
    expect(of(code, unified(free, { ...free, [file]: limit }))).toEqual([]);
  });

  it('G2: not where somebody weighed it, or gave it fewer processors', () => {
    expect(of('G2', unified({ ...free, 'cpu.weight': '50\n' }, free))).toEqual([]);
    expect(of('G2', unified({ ...free, 'cpu.idle': '1\n', 'cpu.weight': '0\n' }, free))).toEqual([]);
    const all = { ...free, 'cpuset.cpus.effective': '0-3\n' };
    expect(of('G2', unified({ ...free, 'cpuset.cpus.effective': '0\n' }, all))).toEqual([]);
    expect(of('G2', unified(all, all))).toEqual(['info']);
  });

  it('a limit that is closed to us is unknown, and one that is not asked about keeps nothing from being told', () => {
    const file = `${ROOT}/system.slice/memory.max`;
    const answers = { [`file ${file}`]: { gap: { reason: 'denied', what: file, errno: 'EACCES' } } };
    const facts = unified(free, free, { answers });
    expect(of('G1', facts)).toEqual(['unknown']);
    expect(of('G3', facts)).toEqual(['low']);
    // Where there is a limit below, what stands above can only be smaller.
    expect(of('G1', unified({ ...free, 'memory.high': '1\n' }, free, { answers }))).toEqual([]);
  });

  it('where the hierarchy is not mounted here, or its root is beyond our view, no limit is no answer', () => {
    expect(['G1', 'G3', 'G4'].map((code) => of(code, {}))).toEqual([['unknown'], ['unknown'], ['unknown']]);
    const { answers } = unified(free, free);
    // The root of what is mounted is no root of the hierarchy.
    const below = { [`file ${ROOT}/cgroup.type`]: { text: 'domain\n' } };
    expect(of('G3', unified(free, free, { answers: { ...answers, ...below } }))).toEqual(['unknown']);
    expect(of('G3', unified({ ...free, 'pids.max': '9\n' }, free, { answers: below }))).toEqual([]);
  });

  it('v1 tells the memory limit of what is beyond our view, too', () => {
    const limited = (smallest: string): Facts => ({
      hostMounts: [HOST_ROOT, `23 22 0:30 /docker/${ID} ${ROOT}/memory rw - cgroup cgroup rw,memory`],
      answers: {
        [`file /proc/${TARGET}/cgroup`]: { text: `5:memory:/docker/${ID}\n` },
        ...cgroupAnswers({
          [`${ROOT}/memory`]: {
            'memory.limit_in_bytes': '9223372036854771712\n',
            'memory.stat': `hierarchical_memory_limit ${smallest}\n`,
          },
        }),
      },
    });
    expect(of('G1', limited('1048576'))).toEqual([]);
    expect(of('G1', limited('9223372036854771712'))).toEqual(['low']);
    // No controller at all is no limit at all.
    expect(of('G3', limited('1048576'))).toEqual(['low']);
  });

  it('G4: in the root of what limits, and not in that of the rest', () => {
    const facts = unified(free, free);
    const rooted = { ...facts.answers, [`file /proc/${TARGET}/cgroup`]: { text: '0::/\n' } };
    expect(of('G4', { ...facts, answers: rooted })).toEqual(['info']);
    expect(of('G4', facts)).toEqual([]);
    const bare = { ...rooted, [`file ${ROOT}/cgroup.controllers`]: { text: 'hugetlb\n' } };
    expect(of('G4', { ...facts, answers: bare })).toEqual([]);
  });

  it.each([
    [`0::/docker/${ID}`, []],
    [`0::/system.slice/docker-${ID}.scope`, []],
    [`0::/docker/${'2'.repeat(64)}/docker/${ID}`, []],
    [`0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${ID}.scope`, []],
    [`0::/batch.slice/docker-${ID}.scope`, ['/batch.slice']],
    [`0::/docker-${ID}.scope`, ['/']],
    [`0::/machine.slice/libpod-${ID}.scope/container`, []],
    [`0::/libpod_parent/libpod-${ID}`, []],
    [`0::/web.service/libpod-payload-${ID}`, []],
    [`0::/machine.slice/machine-libpod_pod_${'3'.repeat(64)}.slice/libpod-${ID}.scope`, []],
    [`0::/jobs/libpod-${ID}`, ['/jobs']],
    ['0::/machine.slice/systemd-nspawn@web.service/payload', []],
    ['0::/shop.slice/systemd-nspawn@web.service/payload', ['/shop.slice']],
    [`0::/kubepods.slice/kubepods-pod${'4'.repeat(32)}.slice/docker-${ID}.scope`, []],
    [`0::/anywhere/cri-containerd-${ID}.scope`, []],
  ])('G5: %s', (cgroup, parents) => {
    const { findings } = look(hostWith({ answers: { [`file /proc/${TARGET}/cgroup`]: { text: `${cgroup}\n` } } }));
    expect(findings.filter(({ code }) => code === 'G5').map(({ args }) => args['parent'])).toEqual(parents);
  });

  it('G6: all devices, of who could use them', () => {
    const listed = (list: string, more: Facts = {}): Facts => ({
      ...more,
      hostMounts: [HOST_ROOT, `23 22 0:30 / ${ROOT}/devices rw - cgroup cgroup rw,devices`],
      answers: {
        [`file /proc/${TARGET}/cgroup`]: { text: `5:devices:/docker/${ID}\n` },
        ...cgroupAnswers({ [`${ROOT}/devices/docker/${ID}`]: { 'devices.list': list } }),
      },
    });
    expect(of('G6', listed('a *:* rwm\n'))).toEqual(['high']);
    expect(of('G6', listed('c 1:3 rwm\n'))).toEqual([]);
    expect(of('G6', listed('a *:* rwm\n', { uid: '1000\t1000\t1000\t1000' }))).toEqual(['low']);
    expect(of('G6', listed('a *:* rwm\n', { process: { ns: { user: 107n } } }))).toEqual([]);
    expect(of('G6', unified(free))).toEqual(['info']);
    const closed = `${ROOT}/devices/docker/${ID}/devices.list`;
    const facts = listed('');
    const answers = { ...facts.answers, [`file ${closed}`]: { gap: { reason: 'denied', what: closed } } };
    expect(of('G6', { ...facts, answers })).toEqual(['unknown']);
    // The hierarchy is there, and we do not see it.
    expect(of('G6', { ...listed(''), hostMounts: [HOST_ROOT] })).toEqual(['unknown']);
  });
});

describe('what cannot be told', () => {
  const denied = (what: string): object => ({ gap: { reason: 'denied', what, errno: 'EACCES' } });
  const mountinfo = `/proc/${TARGET}/mountinfo`;

  it('is unknown, with the reason, and a gap: never fine', () => {
    const report = look(hostWith({ answers: { [`file ${mountinfo}`]: denied(mountinfo) } }));
    const unknown = report.findings.filter(({ code }) => code === 'M2');
    expect(unknown).toMatchObject([
      { severity: 'unknown', args: { reason: 'denied', what: mountinfo, errno: 'EACCES' } },
    ]);
    expect(report.gaps).toContainEqual(
      expect.objectContaining({ subject: 'check', reason: 'denied', errno: 'EACCES' }),
    );
  });

  it('is named once for each reason, and counts as what it could be for --fail-on', async () => {
    const host = hostWith({ answers: { [`file ${mountinfo}`]: denied(mountinfo) } });
    const { stdout, status } = await runCommand(command, [String(TARGET), '--fail-on=critical'], { host });
    expect(stdout).toMatch(/unknown {3}M1 M2 M3 .* denied: \/proc\/50\/mountinfo \(EACCES\)\n/);
    expect(status).toBe(1);
    expect(await runCommand(command, [String(TARGET), '--fail-on=critical'], { host: hostWith() })).toMatchObject({
      status: 0,
    });
  });

  it('of the links of a process whose status is open: by that', () => {
    const ns = Object.fromEntries(
      ['pid', 'user', 'net'].map((kind) => [`link /proc/${TARGET}/ns/${kind}`, denied(`/proc/${TARGET}/ns/${kind}`)]),
    );
    expect(of('N1', { answers: ns })).toEqual(['high']);
    expect(of('N2', { answers: ns })).toEqual(['unknown']);
    expect(of('N7', { answers: ns })).toEqual(['medium']);
  });

  it("is ours, where we are in a container ourselves: not the host's", () => {
    const ours = { pid: 201n, mnt: 205n };
    const answers = {
      ...procOf([
        { pid: 7, ns: ours },
        { pid: TARGET, cgroup: `/docker/${ID}`, ns: ours },
      ]),
      'file /proc/7/status': { text: statusOf(7, {}) },
      [`file /proc/${TARGET}/status`]: { text: statusOf(TARGET, {}) },
    };
    const { findings, against } = look(hostWith({ answers }));
    expect(against).toBe('observer');
    const shared = findings.find(({ code }) => code === 'N1');
    expect(shared).toMatchObject({ severity: 'info', args: { with: 'observer', observer_may_be_host: false } });
  });

  it.each([
    [`/docker/${ID}`, 'info', 'unknown', 'low'],
    ['/', 'critical', undefined, undefined],
  ])('is not critical in the container that we are in ourselves: with our cgroup %s', (cgroup, n5, m1, m11) => {
    const ours = { pid: 201n, net: 202n, mnt: 205n };
    const answers = {
      ...procOf([
        { pid: 7, ns: ours, cgroup },
        { pid: TARGET, cgroup: `/docker/${ID}`, ns: ours },
      ]),
      'file /proc/7/status': { text: statusOf(7, {}) },
      [`file /proc/${TARGET}/status`]: { text: statusOf(TARGET, {}) },
      [`file /proc/${TARGET}/mountinfo`]: { text: '30 1 0:99 / / rw - overlay overlay rw\n' },
    };
    const { findings } = look(hostWith({ answers }));
    const severityOf = (code: string): string | undefined => findings.find((each) => each.code === code)?.severity;
    expect([severityOf('N5'), severityOf('M1'), severityOf('M11')]).toEqual([n5, m1, m11]);
    expect(severityOf('N2')).toBe(n5 === 'info' ? 'info' : 'high');
  });
});

describe.each(fixtureHosts)('on the recorded host %s', (name) => {
  it('answers, and nothing that a process chose acts on a terminal', async () => {
    for (const words of [['--all'], ['--all', '--json'], []]) {
      const { stdout } = await runCommand(command, words, { host: fixtureHost(name), columns: 80 });
      // eslint-disable-next-line no-control-regex -- these are the very characters to find
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/u);
    }
  });
});

describe('hostile names', () => {
  const path = String.raw`/mnt\012\033[31mroot`;
  const facts: Facts = { mounts: [OWN_ROOT, `31 30 254:0 /etc ${path} rw - ext4 /dev/vda rw`] };

  it('are shown, and do nothing', async () => {
    const { stdout } = await runCommand(command, [String(TARGET)], { host: hostWith(facts) });
    expect(stdout).toContain(String.raw`the host's /etc is at /mnt\n\x1b[31mroot, can be written to`);
  });

  it('of labels and groups, too', async () => {
    const answers = { [`file /proc/${TARGET}/attr/apparmor/current`]: { text: 'a:b:spc_t:\u001b]0;x\u0007\u202e' } };
    const { stdout } = await runCommand(command, [String(TARGET)], { host: hostWith({ answers }) });
    expect(stdout).toContain(String.raw`a:b:spc_t:\x1b]0;x\x07\u202e`);
  });
});

describe('a baseline', () => {
  const facts: Facts = { effective: '0000000000200000', seccomp: 0 };
  const withBaseline = async (baseline: string, host = hostWith(facts)): Promise<readonly string[]> => {
    const { withBaseline: apply } = await import('../../../src/inspect/audit/baseline.ts');
    return apply(look(host), baseline, 'known.json').findings.map(({ code }) => code);
  };
  const all = look(hostWith(facts)).findings;

  it('of what --json printed leaves nothing', async () => {
    const { stdout } = await runCommand(command, [String(TARGET), '--json'], { host: hostWith(facts) });
    const printed = (JSON.parse(stdout) as { findings: { target: string }[] }).findings;
    const renamed = printed.map((finding) => ({ ...finding, target: 'web' }));
    expect(printed.length).toBeGreaterThan(3);
    expect(await withBaseline(JSON.stringify({ findings: renamed }))).toEqual([]);
  });

  it('is a list of codes and targets, too', async () => {
    expect(await withBaseline('[{"code":"C2","target":"web"}]')).toEqual(
      all.flatMap(({ code }) => (code === 'C2' ? [] : code)),
    );
    expect(await withBaseline('[{"code":"C2","target":"db"}]')).toEqual(all.map(({ code }) => code));
  });

  it('does not accept what became worse, or is another thing', async () => {
    expect(await withBaseline('[{"code":"C2","target":"web","severity":"medium"}]')).toContain('C2');
    expect(await withBaseline('[{"code":"C2","target":"web","severity":"critical"}]')).not.toContain('C2');
    expect(await withBaseline('[{"code":"C2","target":"web","args":{"capabilities":[]}}]')).toContain('C2');
  });

  it.each(['', 'null', '3', '{}', '[1]', '[{"code":"C2"}]'])('is refused: %j', async (text) => {
    await expect(withBaseline(text)).rejects.toMatchObject({ code: 'BAD_VALUE' });
  });

  it('that is none is not advised to be written over', async () => {
    await expect(withBaseline('root:x:0:0')).rejects.toMatchObject({
      facts: { tryThis: expect.not.stringContaining('known.json') as string },
    });
  });

  it('of an answer that was given with a baseline accepts what that one did', async () => {
    const known = all.filter(({ code }) => code === 'C2');
    expect(known).toHaveLength(1);
    expect(await withBaseline(JSON.stringify({ findings: [], known }))).not.toContain('C2');
  });

  it('names what it accepts and is no more, of targets that were looked at', async () => {
    const { withBaseline: apply } = await import('../../../src/inspect/audit/baseline.ts');
    const file = [
      { code: 'C2', target: 'web' },
      { code: 'S2', target: 'web', args: { sys_admin: false } },
      { code: 'M1', target: 'web' },
      { code: 'M1', target: 'db' },
      { code: 'F1', target: 'web' },
    ];
    const { stale } = apply(look(hostWith(facts)), JSON.stringify(file), 'known.json');
    expect(stale).toEqual([
      { code: 'S2', target: 'web' },
      { code: 'M1', target: 'web' },
    ]);
    expect(staleNote({ ...look(hostWith(facts)), stale })).toEqual([
      'the baseline accepts what is no more: S2 of web, M1 of web',
    ]);
  });
});

/** What every SARIF 2.1.0 log has to have, of the properties that ours uses. Source: OASIS sarif-schema-2.1.0.json. */
const message = {
  type: 'object',
  required: ['text'],
  properties: { text: { type: 'string' } },
  additionalProperties: false,
};
const level = { enum: ['none', 'note', 'warning', 'error'] };
const sarifSchema = {
  type: 'object',
  required: ['version', 'runs'],
  additionalProperties: false,
  properties: {
    $schema: { type: 'string', format: 'uri' },
    version: { const: '2.1.0' },
    runs: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['tool'],
        additionalProperties: false,
        properties: {
          columnKind: { enum: ['utf16CodeUnits', 'unicodeCodePoints'] },
          tool: {
            type: 'object',
            required: ['driver'],
            additionalProperties: false,
            properties: {
              driver: {
                type: 'object',
                required: ['name'],
                additionalProperties: false,
                properties: {
                  name: { type: 'string' },
                  version: { type: 'string' },
                  rules: {
                    type: 'array',
                    uniqueItems: true,
                    items: {
                      type: 'object',
                      required: ['id'],
                      additionalProperties: false,
                      properties: {
                        id: { type: 'string' },
                        shortDescription: message,
                        help: message,
                        defaultConfiguration: { type: 'object', properties: { level }, additionalProperties: false },
                        properties: { type: 'object' },
                      },
                    },
                  },
                },
              },
            },
          },
          invocations: {
            type: 'array',
            items: {
              type: 'object',
              required: ['executionSuccessful'],
              additionalProperties: false,
              properties: {
                executionSuccessful: { type: 'boolean' },
                toolExecutionNotifications: {
                  type: 'array',
                  items: {
                    type: 'object',
                    required: ['message'],
                    properties: { message, level },
                    additionalProperties: false,
                  },
                },
              },
            },
          },
          results: {
            type: 'array',
            items: {
              type: 'object',
              required: ['message'],
              additionalProperties: false,
              properties: {
                ruleId: { type: 'string' },
                ruleIndex: { type: 'integer', minimum: 0 },
                kind: { enum: ['notApplicable', 'pass', 'fail', 'review', 'open', 'informational'] },
                level,
                message,
                locations: {
                  type: 'array',
                  items: {
                    type: 'object',
                    properties: {
                      logicalLocations: {
                        type: 'array',
                        items: {
                          type: 'object',
                          properties: { fullyQualifiedName: { type: 'string' }, kind: { type: 'string' } },
                          additionalProperties: false,
                        },
                      },
                    },
                    additionalProperties: false,
                  },
                },
                partialFingerprints: { type: 'object', additionalProperties: { type: 'string' } },
                baselineState: { enum: ['new', 'unchanged', 'updated', 'absent'] },
                properties: { type: 'object' },
              },
              // Of another kind than fail there is no level.
              anyOf: [{ properties: { kind: { const: 'fail' } } }, { properties: { level: { const: 'none' } } }],
            },
          },
        },
      },
    },
  },
};

describe('SARIF', () => {
  const valid = new Ajv2020({ strict: false, formats: { uri: true } }).compile(sarifSchema);
  const mountinfo = `/proc/${TARGET}/mountinfo`;

  it.each([
    ['findings', hostWith({ effective: FULL, seccomp: 0 })],
    ['unknown', hostWith({ answers: { [`file ${mountinfo}`]: { gap: { reason: 'denied', what: mountinfo } } } })],
    ['nothing', hostWith({ uid: '5\t5\t5\t5' })],
  ])('has the form that the standard asks for: %s', (_, host) => {
    const log: unknown = JSON.parse(renderJson(sarifOf(look(host), '1.0.0')));
    expect(valid(log), JSON.stringify(valid.errors)).toBe(true);
    const [run] = (
      log as {
        runs: { tool: { driver: { rules: { id: string }[] } }; results: { ruleId: string; ruleIndex: number }[] }[];
      }
    ).runs;
    for (const { ruleId, ruleIndex } of run?.results ?? []) expect(run?.tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
  });

  it('refuses what is not of that form', () => {
    expect(valid({ version: '2.0.0', runs: [] })).toBe(false);
    expect(valid({ version: '2.1.0', runs: [{ tool: { driver: {} } }] })).toBe(false);
  });
});

describe('codes', () => {
  const folder = fileURLToPath(new URL('../../../docs/findings/', import.meta.url));

  it('each has a check or a correlation, a title and a page, and no page is left over', () => {
    const known = [...allChecks.map(({ code }) => code), ...correlations.map(({ code }) => code)];
    expect(known.toSorted()).toEqual([...codes].toSorted());
    expect(readdirSync(folder).toSorted()).toEqual(
      [...codes, ...whyCodes, ...doctorCodes].map((code) => `${code}.md`).toSorted(),
    );
  });

  it.each(codes)('%s: its page says what, why, how and what to do', (code) => {
    const page = readFileSync(`${folder}${code}.md`, 'utf8');
    expect(page.startsWith(`# ${code}: ${titleOf(code)}\n`)).toBe(true);
    const headings = page.match(/^## .*$/gm);
    expect(headings).toEqual([
      '## What it means',
      '## Why it matters',
      '## How it was told',
      '## What to do',
      '## Who else looks for it',
    ]);
    const severity = allChecks.find((check) => check.code === code)?.severity ?? 'critical';
    expect(/^Severity: (.*)$/m.exec(page)?.[1]).toContain(severity);
  });

  it.each([...whyCodes, ...doctorCodes])(
    '%s of cgroup why and net doctor: its page says what, why, how and what to do',
    (code) => {
      const title = whyCodes.includes(code) ? whyTitle(code) : doctorTitle(code);
      const page = readFileSync(`${folder}${code}.md`, 'utf8');
      expect(page.startsWith(`# ${code}: ${title}\n`)).toBe(true);
      expect(page.match(/^## .*$/gm)).toHaveLength(5);
    },
  );

  it('explain refuses what is none', async () => {
    for (const word of ['X1', '../C2', 'C', '']) {
      await expect(async () => runCommand(explain, [word])).rejects.toMatchObject({ code: 'BAD_VALUE' });
    }
    expect((await runCommand(explain, [])).stdout.split('\n')).toHaveLength(
      codes.length + whyCodes.length + doctorCodes.length + 1,
    );
  });

  it.each([
    ['core_pattern', 'K4 (core_pattern)'],
    ['K9', 'K1 (traces the host'],
    ['C20', 'C2 (CAP_SYS_ADMIN)'],
    ['sys_ptrace', 'C5 (CAP_SYS_PTRACE)'],
  ])('explain %s: what comes near', async (word, near) => {
    await expect(async () => runCommand(explain, [word])).rejects.toMatchObject({
      facts: { why: expect.stringContaining(near) as string },
    });
  });
});
