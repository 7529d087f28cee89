// What was put into a container from outside is marked. The container is a cgroup that is called as docker calls its own.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { answer } from './answers.ts';
import { facts } from './facts.ts';
import { inode } from './ls.ts';
import { startScript } from './started.ts';
import { test } from './test.ts';
import { until } from './until.ts';

const ID = 'c0ffee'.repeat(11).slice(0, 64);
const NAME = `container:${ID.slice(0, 12)}`;
const TOP = facts.cgroups === 'v1' ? '/sys/fs/cgroup/pids' : '/sys/fs/cgroup';

test('ls and show mark who entered a container, and name it', async () => {
  const folders = [`${TOP}/docker`, `${TOP}/docker/${ID}`];
  for (const folder of folders) mkdirSync(folder);
  // As an engine does it: what stays outside, waiting, is in none of the namespaces itself.
  const container = await startScript('exec unshare -p --fork --kill-child unshare -m -n -i -u sleep 3009', 3009);
  writeFileSync(`${folders[1]}/cgroup.procs`, String(container.pid));
  const visitor = await startScript(`exec nsenter --target=${container.pid} --net sleep 3002`, 3002);
  try {
    const words = ['ls', '-t', 'net,uts', '-p', String(container.pid), '-o', 'NS,NAME,ENTERED,CGROUP'];
    const { namespaces } = answer(words) as { namespaces: Record<string, unknown>[] };
    const of = (kind: string): Record<string, unknown> | undefined =>
      namespaces.find(({ ns }) => ns === inode(container.pid, kind));
    deepEqual([of('uts')?.['name'], of('uts')?.['cgroup']], [NAME, `/docker/${ID}`]);
    ok(JSON.stringify(of('net')?.['entered']).includes(String(visitor.pid)), JSON.stringify(namespaces));
    const { process: shown } = answer(['show', String(visitor.pid)]) as { process: Record<string, unknown> };
    ok(JSON.stringify(shown['entered']).includes(NAME), JSON.stringify(shown['entered']));
    const init = (answer(['show', NAME]) as { process: Record<string, unknown> }).process;
    deepEqual([init['pid'], init['engine'], init['id']], [container.pid, 'docker', ID]);
    equal(init['entered'] ?? null, null);
  } finally {
    await visitor.end();
    await container.end();
    await until(() => readFileSync(`${folders[1]}/cgroup.procs`, 'utf8') === '');
    for (const folder of folders.toReversed()) rmdirSync(folder);
  }
});
