// `nstool watch` as the built program: how it ends, and that its lines are whole.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { commandLine, nstool, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { quote } from '../support/terminal.ts';
import { makeTarget } from '../support/targets.ts';
import { startWatching } from '../support/watching.ts';

function isWatch(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('\0watch\0');
  } catch {
    return false;
  }
}

describe('the end', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('by %s is that of the signal, with the counts', async (signal) => {
    const watching = await startWatching([]);
    const said = await watching.end(signal);
    expect(watching.child.signalCode).toBe(signal);
    expect(said.at(-1)).toMatchObject({ event: 'end', schema: 1 });
  });

  it('by a signal comes also when nobody reads', async () => {
    const [file = '', ...args] = commandLine(['watch', '--ndjson', '--interval', '0.01']);
    // A pipe that takes nothing: its reader is there, and reads nothing.
    const script = `exec 3>&1; { printf '%065536d' 0; exec "$@"; } | { echo "reading nothing" >&3; sleep 1000; }`;
    const child = spawn('sh', ['-c', script, 'sh', file, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: '/',
      detached: true,
    });
    await new Promise((done) => child.stdout.once('data', done));
    await new Promise((done) => setTimeout(done, 500));
    const { stdout } = run(['pgrep', '-P', String(child.pid)]);
    const watching = stdout.trim().split('\n').map(Number).find(isWatch) ?? 0;
    expect(watching).toBeGreaterThan(0);
    process.kill(watching, 'SIGINT');
    for (let waited = 0; waited < 5000 && isWatch(watching); waited += 50) {
      await new Promise((done) => setTimeout(done, 50));
    }
    const isStillThere = isWatch(watching);
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await new Promise((done) => child.once('close', done));
    expect(isStillThere).toBe(false);
  });

  it('of --for has status 0', () => {
    const { status, stdout, stderr } = nstool(['watch', '--for', '0.3']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^TIME +EVENT +TYPE +NS +PID +USER +LIVED +COMMAND$/);
    expect(lines[1]).toMatch(/^[0-9:.]{12} {2}start +[0-9]+ namespaces?; /);
    expect(lines.at(-1)).toMatch(/ end +[0-9]+ appeared; /);
  });

  it('of the reader is no error', () => {
    const command = commandLine(['watch', '--for', '5', '--interval', '0.05']).map(quote).join(' ');
    const { stdout, stderr } = run(['bash', '-c', `{ ${command}; echo "status $?" >&2; } | head -n 1`]);
    expect(stdout).toMatch(/^TIME/);
    expect(stderr).toBe('status 0\n');
  });
});

it.skipIf(lacks('unshare', 'userns'))('each line is JSON, with a schema, an event and a time', async () => {
  const watching = await startWatching(['--interval', '0.1']);
  const target = await makeTarget(['--user', '--uts']);
  try {
    await watching.until((said) => said.filter((one) => one['pid'] === target.pid).length >= 2);
  } finally {
    await target.end();
    await watching.end();
  }
  for (const one of watching.said) {
    expect(one).toMatchObject({
      schema: 1,
      event: expect.any(String),
      time: expect.stringMatching(/^[0-9-]{10}T.*Z$/),
    });
  }
  expect(watching.said[0]).toMatchObject({ event: 'start' });
  expect(watching.said.at(-1)).toMatchObject({ event: 'end' });
  const kinds = watching.said.filter((one) => one['pid'] === target.pid && one.event === 'appeared');
  expect(new Set(kinds.map((one) => one['type']))).toEqual(new Set(['user', 'uts']));
});

it('a full disk is an error that says so', () => {
  const { status, stderr } = run(['sh', '-c', `"$@" > /dev/full`, 'sh', ...commandLine(['watch', '--for', '1'])]);
  expect({ status, stderr }).toEqual({ status: 74, stderr: 'nstool: cannot write the answer: ENOSPC\n' });
});

it('a wrong command line is refused before anything is said', () => {
  expect(nstool(['watch', '--interval', 'soon'])).toMatchObject({ status: 2, stdout: '' });
  expect(nstool(['watch', '-p', '4194304'])).toMatchObject({ status: 3, stdout: '' });
});
