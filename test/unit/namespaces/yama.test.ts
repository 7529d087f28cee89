// Which refusals are Yama's: those of access to attach, by its setting, our capabilities, and whose process it is.

import { expect, test } from 'vitest';
import { explainDescriptor } from '../../../src/launch/access.ts';
import { yamaOf, yamaRefusal } from '../../../src/namespaces/yama.ts';
import { hostOf } from '../../support/recorded.ts';

const status = (capabilities: string): object => ({
  text: `Name:\tx\nPid:\t7\nTgid:\t7\nPPid:\t1\nUid:\t5\t5\t5\t5\nGid:\t5\t5\t5\t5\nGroups:\t\nCapEff:\t${capabilities}\n`,
});
const NONE = '0000000000000000';
const PTRACE = '0000000000080000';
const denied = { gap: { reason: 'denied', errno: 'EACCES' } };

function answers(scope: string | undefined, capabilities = NONE, theirs: object = { text: 'user:[1]' }): object {
  return {
    ...(scope === undefined ? {} : { 'file /proc/sys/kernel/yama/ptrace_scope': { text: `${scope}\n` } }),
    'file /proc/self/status': status(capabilities),
    'file /proc/8/status': status(capabilities),
    'link /proc/self/ns/user': { text: 'user:[1]' },
    'link /proc/8/ns/user': theirs,
  };
}

function refusal(scope: string | undefined, capabilities = NONE, theirs?: object, pid = 8): string | undefined {
  const yama = yamaOf(hostOf({ ...answers(scope, capabilities, theirs) }));
  return yama === undefined ? undefined : yamaRefusal(yama, pid);
}

test.each([
  [undefined, NONE, undefined],
  ['0', NONE, undefined],
  ['1', NONE, 'only its ancestors and CAP_SYS_PTRACE'],
  ['1', PTRACE, undefined],
  ['2', NONE, 'only CAP_SYS_PTRACE'],
  ['2', PTRACE, undefined],
  ['3', NONE, 'nobody'],
  ['3', PTRACE, 'nobody'],
])('scope %s with capabilities %s', (scope, capabilities, who) => {
  const text = refusal(scope, capabilities);
  if (who === undefined) expect(text).toBeUndefined();
  else expect(text).toContain(`yama (kernel.yama.ptrace_scope is ${scope}) lets ${who} take a descriptor`);
});

test('who may look into another user namespace has what yama asks for there', () => {
  expect(refusal('2', NONE, { text: 'user:[2]' })).toBeUndefined();
  expect(refusal('3', NONE, { text: 'user:[2]' })).toContain('nobody');
});

test('our own descriptors are ours', () => {
  expect(refusal('3', NONE, undefined, 7)).toBeUndefined();
});

test('a descriptor that is refused: the first rule that does', () => {
  const why = (scope: string, theirs?: object): string => {
    const host = hostOf({ ...answers(scope, NONE, theirs) }, { pid: 7, uid: 5 });
    const facts = explainDescriptor(host, { pid: 8, fd: 3 });
    expect(facts.what).toBe('cannot take descriptor 3 of process 8: permission denied (EPERM)');
    return `${facts.why} | ${facts.tryThis}`;
  };
  expect(why('0')).toMatch(/^SIOCGSKNS needs CAP_NET_ADMIN .* \| sudo nstool enter -t 8 -N 3 COMMAND$/);
  expect(why('1')).toMatch(/^yama \(.* \| sudo nstool enter -t 8 -N 3 COMMAND$/);
  expect(why('3')).toMatch(/^yama \(.* lets nobody .* \| undefined$/);
  expect(why('3', denied)).toMatch(/^pidfd_getfd\(2\) asks for ptrace access: /);
});
