// Every example of the README prints what the README shows: numbers, which differ from host to host, and rows of what
// else is on this one set aside.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installation } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

interface Example {
  readonly command: string;
  readonly output: readonly string[];
}

function examples(): readonly Example[] {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const blocks = [...readme.matchAll(/```console\n(.*?)```/gs)].map((match) => match[1] ?? '');
  return blocks.flatMap((block) =>
    block
      .split(/^# /m)
      .slice(1)
      .map((part) => {
        const [command = '', ...output] = part.trimEnd().split('\n');
        return { command, output };
      }),
  );
}

/** What is the same on every host. */
function shape(line: string): string {
  return line
    .replaceAll(/[0-9]+/g, '#')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

const README_PID = '4913';
/** Made by the test itself, so that it can be removed again. */
const SETUP = ['ip netns add blue', 'unshare --net sleep 300 &'];

describe.skipIf(lacks('root', 'ip', 'ifconfig', 'unshare'))('the README', () => {
  let target: TargetProcess;
  let shim: string;

  beforeAll(async () => {
    shim = join(installation(), 'nstool');
    writeFileSync(shim, `#!/bin/sh\nexec ${process.execPath} ${join(installation(), 'bin/nstool.cjs')} "$@"\n`, {
      mode: 0o755,
    });
    expect(spawnSync('ip', ['netns', 'add', 'blue']).status).toBe(0);
    target = await makeTarget(['--net'], undefined, ['sleep', '300']);
  });

  afterAll(async () => {
    spawnSync('ip', ['netns', 'delete', 'blue']);
    await target.end();
  });

  it('begins with what the test sets up', () => {
    expect(
      examples()
        .slice(0, 2)
        .map((example) => example.command),
    ).toEqual(SETUP);
  });

  it.each(examples().filter(({ command }) => !SETUP.includes(command)))('$command', ({ command, output }) => {
    const { stdout, stderr } = spawnSync('sh', ['-c', command.replaceAll(README_PID, String(target.pid))], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${installation()}:${process.env['PATH']}` },
    });
    const printed = `${stderr}${stdout}`.split('\n').map(shape);
    const shown = output.filter((line) => !line.includes('kthreadd')).map(shape);
    expect(shown.length).toBeGreaterThan(0);
    // The same lines in the same order, whatever stands between them.
    let from = 0;
    for (const line of shown) {
      const at = printed.indexOf(line, from);
      expect(at, `«${line}» in\n${printed.join('\n')}`).toBeGreaterThanOrEqual(from);
      from = at + 1;
    }
  });
});
