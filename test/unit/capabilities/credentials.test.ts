import { expect, test } from 'vitest';
import { credentialsOf } from '../../../src/capabilities/credentials.ts';
import { hostOf } from '../../support/recorded.ts';

const STATUS = `Name:	python3
Umask:	0022
State:	S (sleeping)
Tgid:	4900
Ngid:	0
Pid:	4913
PPid:	1
TracerPid:	0
Uid:	1000	1001	1002	1003
Gid:	100	101	102	103
FDSize:	64
Groups:	4 27
NStgid:	4900
NSpid:	4913
Threads:	3
CapInh:	0000000000003000
CapPrm:	0000000000002000
CapEff:	0000000000000000
CapBnd:	000001fffeffffff
CapAmb:	0000000000001000
NoNewPrivs:	1
Seccomp:	2
Seccomp_filters:	1
`;

function parsed(text: string): unknown {
  const host = hostOf({ 'file /proc/4900/task/4913/status': { text } });
  const reading = credentialsOf(host, 4900, 4913);
  return reading.ok ? reading.value : reading.gap;
}

test('the credentials of a thread', () => {
  expect(parsed(STATUS)).toEqual({
    name: 'python3',
    pid: 4900,
    tid: 4913,
    ppid: 1,
    uids: [1000, 1001, 1002, 1003],
    gids: [100, 101, 102, 103],
    groups: [4, 27],
    sets: { effective: 0n, permitted: 0x2000n, inheritable: 0x3000n, bounding: 0x1fffeffffffn, ambient: 0x1000n },
    noNewPrivileges: true,
    seccomp: 2,
    seccompFilters: 1,
    threads: 3,
  });
});

test('what an older kernel does not tell', () => {
  const old = STATUS.replaceAll(/^(?:NoNewPrivs|Seccomp|Seccomp_filters):.*\n/gm, '');
  expect(parsed(old)).toMatchObject({ noNewPrivileges: null, seccomp: null, seccompFilters: null });
  expect(parsed(old.replace(/^CapAmb:.*\n/m, ''))).toEqual({
    reason: 'unsupported',
    what: '/proc/4900/task/4913/status',
  });
  expect(parsed('Name:\tx\n')).toMatchObject({ reason: 'malformed' });
});
