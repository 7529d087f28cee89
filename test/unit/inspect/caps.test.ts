import { describe, expect, it } from 'vitest';
import { capsShow } from '../../../src/cli/commands/caps-show.ts';
import { verdictOn, type Standing } from '../../../src/inspect/caps/verdict.ts';
import { INITIAL_USER_INODE } from '../../../src/kernel/abi/nsfs.ts';
import { hostOf, runCommand } from '../../support/recorded.ts';

const ALL = (1n << 41n) - 1n;
const DOCKER = 0xa804_25fbn;
const NONE = { effective: 0n, permitted: 0n, inheritable: 0n, bounding: 0n, ambient: 0n };
const HOST = { inode: INITIAL_USER_INODE, initial: true, owner: 0 };
const CHILD = { inode: 4026533000n, initial: false, owner: 1000 };

const user: Standing = {
  sets: { ...NONE, bounding: ALL },
  all: ALL,
  noNewPrivileges: false,
  securebits: null,
  realUid: 1000,
  effectiveUid: 1000,
  isRootOutside: false,
  namespace: HOST,
};
const withSets = (effective: bigint, bounding: bigint, more: Partial<Standing> = {}): Standing => {
  return { ...user, sets: { ...NONE, effective, permitted: effective, bounding }, ...more };
};
const root = { realUid: 0, effectiveUid: 0, isRootOutside: true };

describe('what the sets come to', () => {
  it.each<[string, Standing, string, string | null, string]>([
    [
      'root',
      withSets(ALL, ALL, root),
      'host_root',
      null,
      'root of the host: every capability, in the initial user namespace',
    ],
    [
      'nearly all',
      withSets(ALL & ~1n, ALL & ~1n, root),
      'host_root',
      null,
      'root of the host: sys_module,sys_rawio,sys_admin in the initial user namespace give the rest',
    ],
    [
      'one that gives the rest',
      withSets(1n << 21n, 1n << 21n),
      'host_root',
      null,
      'root of the host: sys_admin in the initial user namespace gives the rest',
    ],
    [
      'a container of docker',
      withSets(DOCKER, DOCKER, root),
      'host_part',
      null,
      'part of root of the host: docker in the initial user namespace',
    ],
    [
      'a daemon that gave up most',
      withSets(0x400n, ALL, root),
      'host_part',
      'uid_0',
      'part of root of the host: net_bind_service in the initial user namespace; execve(2) of any program makes that full, as its uid is 0 (unless its securebits, which are unknown, have noroot)',
    ],
    [
      'the same, of ourselves',
      withSets(0x400n, ALL, { ...root, securebits: 0 }),
      'host_part',
      'uid_0',
      'part of root of the host: net_bind_service in the initial user namespace; execve(2) of any program makes that full, as its uid is 0',
    ],
    [
      'the same, locked',
      withSets(0x400n, ALL, { ...root, securebits: 3 }),
      'host_part',
      'file',
      'part of root of the host: net_bind_service in the initial user namespace; execve(2) of a program that is setuid root or has capabilities can make that full',
    ],
    [
      'root of a user namespace',
      withSets(ALL, ALL, { ...root, isRootOutside: false, namespace: CHILD }),
      'namespace_root',
      null,
      'root only of the user namespace 4026533000, owned by uid 1000',
    ],
    [
      'the same, made by root',
      withSets(ALL, ALL, { ...root, namespace: { ...CHILD, owner: 0 } }),
      'namespace_root',
      null,
      'root only of the user namespace 4026533000, owned by uid 0; to files it is uid 0 of the host all the same',
    ],
    [
      'some in a user namespace',
      withSets(0x20n, 0x20n, { namespace: { ...CHILD, owner: null } }),
      'namespace_part',
      null,
      'kill only in the user namespace 4026533000, owned by nobody who is told',
    ],
    [
      'a user',
      user,
      'none',
      'file',
      'no capability; execve(2) of a program that is setuid root or has capabilities can make that full',
    ],
    [
      'a user who is locked in',
      { ...user, noNewPrivileges: true },
      'none',
      null,
      'no capability; no_new_privs keeps execve(2) from adding any',
    ],
    ['nothing at all', withSets(0n, 0n), 'none', null, 'no capability; execve(2) cannot give any'],
    [
      'closed to us',
      withSets(0x20n, 0x20n, { namespace: null }),
      'unknown',
      null,
      'kill, but in which user namespace is closed to us',
    ],
    [
      'permitted only',
      { ...withSets(0n, 0x20n), sets: { ...NONE, permitted: 0x20n, bounding: 0x20n } },
      'host_part',
      null,
      'part of root of the host: kill in the initial user namespace; none of it effective, until capset(2) makes it so',
    ],
  ])('%s', (_, standing, code, by, text) => {
    const verdict = verdictOn(standing);
    expect(verdict).toMatchObject({ code, text });
    expect(verdict.regains?.by ?? null).toBe(by);
  });
});

describe('caps show', () => {
  const status = (pid: number, tgid: number, effective: string, name = 'web'): string =>
    `Name:\t${name}\nTgid:\t${tgid}\nPid:\t${pid}\nPPid:\t1\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t4 27 \n` +
    `NSpid:\t${pid}\nThreads:\t3\nCapInh:\t0000000000000000\nCapPrm:\t${effective}\nCapEff:\t${effective}\n` +
    `CapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n`;
  const host = hostOf({
    'link /proc/self': { text: '7' },
    'stat /proc/9': { status: { dev: '1', ino: '1', mode: '16749', uid: '0', gid: '0' } },
    'file /proc/9/stat': { text: '9 (web) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 90 0 0\n' },
    'file /proc/9/status': { text: status(9, 9, '00000000a80425fb') },
    'directory /proc/9/task': { names: ['9', '10', '11', '12'] },
    'file /proc/9/task/10/status': { text: status(10, 9, '0000000000002000', 'io\\nworker\u001B') },
    'file /proc/9/task/11/status': { text: status(11, 9, '00000000a80425fb', 'same') },
    'file /proc/9/task/12/status': { gap: { reason: 'gone', errno: 'ENOENT' } },
    'file /proc/sys/kernel/cap_last_cap': { text: '40\n' },
    'link /proc/self/ns/user': { text: 'user:[4026531837]' },
    'link /proc/9/ns/user': { text: 'user:[4026531837]' },
    'file /proc/9/uid_map': { text: '         0          0 4294967295\n' },
    'file /proc/9/gid_map': { text: '         0          0 4294967295\n' },
  });

  it('shows a page, with threads that are unlike the first', async () => {
    const { stdout, notes } = await runCommand(capsShow, ['9'], { host });
    expect(notes).toEqual([]);
    expect(stdout).toBe(
      [
        'pid            9',
        'comm           web',
        'effective      0x00000000a80425fb docker',
        'permitted      0x00000000a80425fb docker',
        'inheritable    0x0000000000000000 none',
        'bounding       0x00000000a80425fb docker',
        'ambient        0x0000000000000000 none',
        'text           cap_chown,cap_dac_override,cap_fowner,cap_fsetid,cap_kill,cap_setgid,cap_setuid,cap_setpcap,cap_net_bind_service,cap_net_raw,cap_sys_chroot,cap_mknod,cap_audit_write,cap_setfcap=ep',
        'iab            !cap_dac_read_search,!cap_linux_immutable,!cap_net_broadcast,!cap_net_admin,!cap_ipc_lock,!cap_ipc_owner,!cap_sys_module,!cap_sys_rawio,!cap_sys_ptrace,!cap_sys_pacct,!cap_sys_admin,!cap_sys_boot,!cap_sys_nice,!cap_sys_resource,!cap_sys_time,!cap_sys_tty_config,!cap_lease,!cap_audit_control,!cap_mac_override,!cap_mac_admin,!cap_syslog,!cap_wake_alarm,!cap_block_suspend,!cap_audit_read,!cap_perfmon,!cap_bpf,!cap_checkpoint_restore',
        'verdict        part of root of the host: docker in the initial user namespace; no_new_privs keeps execve(2) from adding any',
        'no_new_privs   yes',
        'seccomp        filter (1 filter)',
        'lsm            -',
        'uid            0',
        'gid            0',
        'groups         4, 27',
        'securebits     unknown: only a process itself is told its own (prctl(2), PR_GET_SECUREBITS)',
        "user_namespace 4026531837 the host's",
        'threads        4, of them 1 unlike the first:',
        '               10 io\\nworker\\x1b: effective net_raw; permitted net_raw',
        '',
      ].join('\n'),
    );
  });

  it('refuses what is no process, and fields that there are not', async () => {
    await expect(runCommand(capsShow, ['host:x'], { host })).rejects.toMatchObject({ code: 'BAD_VALUE' });
    await expect(runCommand(capsShow, ['9', '-o', 'nonsense'], { host })).rejects.toMatchObject({ code: 'BAD_VALUE' });
  });
});
