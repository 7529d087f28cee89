// The commands that holders prints do what they say.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { commandLine, nstool, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget } from '../support/targets.ts';

interface Row {
  readonly holder: string;
  readonly pid: number | null;
  readonly release: string;
}

function rowsOf(target: string): readonly Row[] {
  return (JSON.parse(nstool(['holders', target, '--json']).stdout) as { holders: Row[] }).holders;
}

test.skipIf(lacks('root', 'namespaces'))('the first process of a pid namespace is ended', async () => {
  const target = await makeTarget(['--pid', '--fork', '--mount-proc', '--kill-child']);
  try {
    const release = rowsOf(`pid:${target.pid}`).find(({ pid }) => pid === target.pid)?.release ?? '';
    expect(release).toBe(`kill -KILL ${target.pid}`);
    run(['sh', '-c', release]);
    await expect.poll(() => existsSync(`/proc/${target.pid}`)).toBe(false);
  } finally {
    await target.end();
  }
});

test.skipIf(lacks('root', 'namespaces', 'ip'))('a name that drives terminals can be pasted', () => {
  const name = "nstool\n\u001b[31m'\\";
  expect(spawnSync('ip', ['netns', 'add', name]).status).toBe(0);
  try {
    expect(rowsOf(`netns:${name}`)[0]?.release).toBe(`nstool net rm '${name.replace("'", String.raw`'\''`)}'`);
    const { stdout } = nstool(['holders', `netns:${name}`]);
    const command = /nstool net rm .*$/m.exec(stdout)?.[0] ?? '';
    expect(command).toBe(String.raw`nstool net rm $'nstool\012\033[31m\'\\'`);
    const [node = '', bin = ''] = commandLine([]);
    const here = `nstool() { ${node} ${bin} "$@"; }`;
    expect(run(['bash', '-c', `${here}; ${command}`]).status).toBe(0);
    expect(existsSync(`/run/netns/${name}`)).toBe(false);
  } finally {
    spawnSync('ip', ['netns', 'delete', name]);
  }
});
