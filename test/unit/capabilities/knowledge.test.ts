import { expect, test } from 'vitest';
import { baselines } from '../../../src/capabilities/baselines.ts';
import { criticalCapabilities, knowledge, knowledgeOf } from '../../../src/capabilities/knowledge.ts';
import { knownToLibcap } from '../../../src/capabilities/libcap.ts';
import { capabilityNames } from '../../../src/capabilities/names.ts';
import { securebitNames } from '../../../src/capabilities/securebits.ts';
import { CAPABILITY } from '../../../src/kernel/abi/capability.ts';
import { hostOf } from '../../support/recorded.ts';

test('every capability with a name is known of', () => {
  expect(knowledge).toHaveLength(capabilityNames.length);
  for (const { allows, risks } of knowledge)
    for (const text of [allows, risks]) expect(text).toMatch(/^[a-z][^\n]*[^.]$/);
  expect(knowledgeOf(41)).toBeUndefined();
  expect(criticalCapabilities).toBe(CAPABILITY.SYS_MODULE | CAPABILITY.SYS_RAWIO | CAPABILITY.SYS_ADMIN);
});

test('the versions of Linux are in order', () => {
  const numbers = knowledge.map(({ since }) =>
    since
      .split('.')
      .map(Number)
      .reduce((sum, part, at) => sum + part / 1000 ** at, 0),
  );
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
});

test("kubernetes' baseline is docker's without net_raw", () => {
  const maskOf = (name: string): bigint => baselines.find((each) => each.name === name)?.mask ?? 0n;
  expect(maskOf('k8s-baseline')).toBe(maskOf('docker') & ~CAPABILITY.NET_RAW);
  expect(maskOf('k8s-restricted')).toBe(CAPABILITY.NET_BIND_SERVICE);
});

test('securebits by name', () => {
  expect(securebitNames(0)).toEqual([]);
  expect(securebitNames(0x2f)).toEqual([
    'noroot',
    'noroot_locked',
    'no_setuid_fixup',
    'no_setuid_fixup_locked',
    'keep_caps_locked',
  ]);
  expect(securebitNames(0x1f00)).toEqual([
    'exec_restrict_file',
    'exec_restrict_file_locked',
    'exec_deny_interactive',
    'exec_deny_interactive_locked',
    'bit_12',
  ]);
});

test('what a libcap knows stands in its file', () => {
  const bytes = new TextEncoder().encode('\u007FELF\0cap_chown\0cap_kill\0cap_killer_app\0cap_net_raw');
  const hex = Buffer.from(bytes).toString('hex');
  const host = hostOf({
    'directory /usr/lib': { names: ['x86_64-linux-gnu'] },
    'directory /usr/lib/x86_64-linux-gnu': { names: ['libcap.so.2'] },
    'file /usr/lib/x86_64-linux-gnu/libcap.so.2': { hex },
  });
  expect(knownToLibcap(host)).toEqual({ ok: true, value: new Set(['cap_chown', 'cap_kill']) });
  const bare = hostOf({
    'directory /usr': { names: [] },
    'directory /lib': { names: [] },
    'directory /lib64': { names: [] },
  });
  expect(knownToLibcap(bare)).toMatchObject({ ok: false, gap: { reason: 'gone' } });
});
