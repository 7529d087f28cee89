// Yama: which descriptors it keeps from whom, and that it keeps no namespace from anybody. The last of all tests: what is
// set to 3 stays so.

import { equal, match, ok } from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { linkOf } from '../support/entered.ts';
import { commandLine, nstool, PLAIN_UID, run } from '../support/program.ts';
import { makeTarget } from '../support/targets.ts';
import type { CountedGap } from '../../src/kernel/gap-tally.ts';
import { socketOf, withPin } from './pins.ts';
import { enterBy, refused } from './refused.ts';
import { test } from './test.ts';
import { until } from './until.ts';

const SCOPE = '/proc/sys/kernel/yama/ptrace_scope';
const skip = existsSync(SCOPE) ? false : 'this kernel has no yama';
/** Root with all capabilities but the one that would do. */
const less = ['setpriv', '--bounding-set=-sys_ptrace', '--inh-caps=-sys_ptrace'];

function entered(before: readonly string[], link: string, ...words: readonly string[]): void {
  const { status, stdout, stderr } = enterBy(before, ...words, 'readlink', '/proc/self/ns/net');
  equal(stdout, `${link}\n`, stderr);
  equal(status, 0);
}

test('a socket of a plain user: SIOCGSKNS asks for more than access to attach', async () => {
  const script = "require('net').createServer().listen(0)";
  const target = await makeTarget([], PLAIN_UID, [process.execPath, '-e', script]);
  try {
    await until(() => socketOf(target.pid) !== 'none');
    const words = ['enter', '-t', String(target.pid), '-N', socketOf(target.pid)];
    const { status, stderr } = nstool([...words, 'true'], { uid: PLAIN_UID });
    equal(status, 125);
    match(stderr, /\n {2}why: SIOCGSKNS needs CAP_NET_ADMIN .*\n {2}try: sudo nstool enter -t \d+ -N \d+ COMMAND\n$/);
    equal(nstool([...words, '--dry-run', 'true'], { uid: PLAIN_UID }).stderr, stderr);
  } finally {
    await target.end();
  }
});

for (const scope of [0, 1, 2, 3]) {
  test(`yama ptrace_scope ${scope}: -N is refused by its rule only, and foreseen`, { skip }, async () => {
    writeFileSync(SCOPE, String(scope));
    await withPin(
      'socket',
      (inode, pid) => {
        const words = ['-t', String(pid), '-N', socketOf(pid)];
        const link = `net:[${inode}]`;
        if (scope < 3) entered([], link, ...words);
        if (scope === 0) return entered(less, link, ...words);
        const text = refused(scope < 3 ? less : [], words);
        match(text, /^nstool: cannot take descriptor \d+ of process \d+: permission denied \(EPERM\)\n/);
        match(text, new RegExp(`\\n {2}why: yama \\(kernel.yama.ptrace_scope is ${scope}\\) lets `));
        const rule = ['', 'only its ancestors and CAP_SYS_PTRACE', 'only CAP_SYS_PTRACE', 'nobody'][scope];
        ok(text.includes(` lets ${rule} take a descriptor`), text);
      },
      { before: less },
    );
  });

  test(`yama ptrace_scope ${scope}: a deep look names it for sockets and tun devices`, { skip }, async () => {
    for (const [way, subject] of [
      ['socket', 'socket'],
      ['tun', 'tun device'],
    ] as const) {
      await withPin(
        way,
        (inode) => {
          const { status, stdout, stderr } = run([...less, ...commandLine(['ls', '--deep', '-t', 'net', '--json'])]);
          equal(status, 0, stderr);
          const { gaps, namespaces } = JSON.parse(stdout) as { gaps: CountedGap[]; namespaces: { ns: number }[] };
          const named = gaps.filter((gap) => gap.detail?.startsWith(`yama (kernel.yama.ptrace_scope is ${scope})`));
          const isFound = namespaces.some(({ ns }) => BigInt(ns) === inode);
          equal(
            named.some((gap) => gap.subject === subject && gap.reason === 'denied'),
            scope > 0,
            stdout,
          );
          if (scope === 0) ok(isFound);
        },
        { before: less },
      );
    }
  });

  test(`yama ptrace_scope ${scope}: namespaces are entered as ever, also by a plain user`, { skip }, async () => {
    const target = await makeTarget(['--user', '--map-root-user', '--net', '--uts', '--mount'], PLAIN_UID);
    try {
      entered([], linkOf(target.pid, 'net'), String(target.pid), '--net');
      const words = ['enter', String(target.pid), '-a', 'readlink', '/proc/self/ns/net'];
      const { stdout, stderr } = nstool(words, { uid: PLAIN_UID });
      equal(stdout, `${linkOf(target.pid, 'net')}\n`, stderr);
      equal(nstool(['enter', String(target.pid), '-a', '--dry-run', 'true'], { uid: PLAIN_UID }).status, 0);
    } finally {
      await target.end();
    }
  });
}
