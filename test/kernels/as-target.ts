// `enter --as-target`: what the command has, beside the files of the target. The cgroup is one of v2, or of two hierarchies.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { linkOf, look, statusLine } from '../support/entered.ts';
import { commandLine, nstool } from '../support/program.ts';
import type { TargetProcess } from '../support/targets.ts';
import { answer } from './answers.ts';
import { facts } from './facts.ts';
import { startScript } from './started.ts';
import { test } from './test.ts';
import { until } from './until.ts';

const ODD_PROCESS = fileURLToPath(new URL('../../native/odd-process', import.meta.url));
const TOPS = facts.cgroups === 'v1' ? ['/sys/fs/cgroup/pids', '/sys/fs/cgroup/freezer'] : ['/sys/fs/cgroup'];
const CGROUPS = TOPS.map((top) => `${top}/nstool-as`);
/** Its file, and what freezes and thaws all in it. */
const [FREEZER, FROZEN, THAWED] =
  facts.cgroups === 'v1' ? ['freezer.state', 'FROZEN', 'THAWED'] : ['cgroup.freeze', '1', '0'];

let target: TargetProcess;

before(async () => {
  for (const path of CGROUPS) mkdirSync(path);
  const joined = CGROUPS.map((path) => `echo $$ >"${path}/cgroup.procs"`);
  const script = [
    ...joined,
    'umask 0137; echo 321 >/proc/self/oom_score_adj; cd /usr',
    'exec unshare -muinCp --fork --kill-child --mount-proc \\',
    ' prlimit --nofile=64:128 --core=0:0 \\',
    ' setpriv --reuid=7 --regid=8 --groups=9,10 --no-new-privs \\',
    ' --bounding-set=-sys_admin,-net_raw --inh-caps=+chown,+kill --ambient-caps=+chown \\',
    ` env -i PATH=/usr/bin:/bin "A=x\ny" ${ODD_PROCESS} filtered sleep 3020`,
  ];
  target = await startScript(script.join('\n'), 3020);
});
after(async () => {
  await target.end();
  for (const path of CGROUPS) {
    await until(() => readFileSync(`${path}/cgroup.procs`, 'utf8') === '');
    rmdirSync(path);
  }
});

const LINES =
  'Umask Uid Gid Groups CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp Seccomp_filters Speculation_Store_Bypass';

test('enter --as-target: ids, capabilities, filter, limits, environment and cgroups are those of the target', async () => {
  const theirs = (file: string): string => readFileSync(`/proc/${target.pid}/${file}`, 'utf8');
  const command = commandLine(['enter', String(target.pid), '--as-target']);
  await look(command, 'true', ({ pid, links, status }) => {
    for (const name of LINES.split(' ')) equal(status(name), statusLine(target.pid, name), name);
    deepEqual([status('Uid').split('\t')[0], status('Seccomp')], ['7', '2']);
    for (const file of ['cgroup', 'limits', 'oom_score_adj']) {
      equal(readFileSync(`/proc/${pid}/${file}`, 'utf8'), theirs(file), file);
    }
    ok(theirs('cgroup').includes(':/nstool-as\n'));
    for (const kind of ['mnt', 'uts', 'ipc', 'net', 'pid', 'cgroup']) {
      equal(links[kind], linkOf(target.pid, kind), kind);
    }
  });
  const told = nstool(['enter', String(target.pid), '--as-target', 'cat', '/proc/self/environ']);
  deepEqual([told.stdout, told.stderr], [theirs('environ'), '']);
  equal(nstool(['enter', String(target.pid), '--as-target', 'readlink', '/proc/self/cwd']).stdout, '/usr\n');
  const rename = nstool(['enter', String(target.pid), '--as-target', 'hostname', 'other']);
  // The filter says so. Without it that is a matter of rights.
  match(rename.stderr, /name too long/);
});

test('enter --as-target=no-…: what is left out stays ours', async () => {
  const parts = '--as-target=no-ids,no-caps,no-nnp,no-seccomp,no-cgroup,no-oom,no-limits,no-umask,no-env,no-cwd';
  await look(commandLine(['enter', String(target.pid), parts]), 'true', ({ pid, status, links }) => {
    for (const name of LINES.split(' ')) equal(status(name), statusLine('self', name), name);
    for (const file of ['cgroup', 'limits', 'oom_score_adj']) {
      equal(readFileSync(`/proc/${pid}/${file}`, 'utf8'), readFileSync(`/proc/self/${file}`, 'utf8'), file);
    }
    equal(links['net'], linkOf(target.pid, 'net'));
  });
});

test('enter --as-target: a frozen cgroup is not joined, and that is said', async () => {
  const path = `${CGROUPS.at(-1)}/${FREEZER}`;
  const isFrozen = (): boolean =>
    facts.cgroups === 'v1'
      ? readFileSync(path, 'utf8') === 'FROZEN\n'
      : readFileSync(`${CGROUPS[0]}/cgroup.events`, 'utf8').includes('frozen 1');
  writeFileSync(path, FROZEN);
  try {
    await until(isFrozen);
    const words = ['enter', String(target.pid), '--as-target=no-seccomp,no-umask'];
    const { status, stdout, stderr } = nstool([...words, 'cat', '/proc/self/cgroup']);
    equal(status, 0, stderr);
    match(stderr, /^nstool: not copied: .*cgroup \/nstool-as: it is frozen, and so would be the command$/m);
    ok(facts.cgroups === 'v1' || !stdout.includes('nstool-as'), stdout);
    const foreseen = answer([...words, '--dry-run']) as { not_copied: readonly { why: string }[] };
    ok(foreseen.not_copied.some(({ why }) => why === 'it is frozen, and so would be the command'));
  } finally {
    writeFileSync(path, THAWED);
  }
});
