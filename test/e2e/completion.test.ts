// The scripts are sourced by the shells they are for, and complete.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/commands/index.ts';
import { installation, nstool, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';

/** What bash offers for these words, the last of which is being typed. */
function inBash(words: readonly string[]): readonly string[] {
  const script = `${nstool(['completion', 'bash']).stdout}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _nstool; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { status, stdout, stderr } = run(['bash', '-c', script, 'bash', ...words]);
  expect([status, stderr]).toEqual([0, '']);
  return stdout.split('\n').filter(Boolean);
}

describe('completion in bash', () => {
  it.each([
    [
      ['nstool', 'e'],
      ['enter', 'each', 'explain'],
    ],
    [
      ['nstool', 'ls', '--no'],
      ['--noheadings', '--nowrap', '--notruncate'],
    ],
    [
      ['nstool', 'ls', '-t', 'u'],
      ['user', 'uts'],
    ],
    [['nstool', 'ls', '-o', 'NETN'], ['NETNSID']],
    [['nstool', 'caps', 'decode', '--j'], ['--json']],
    [['nstool', 'enter', '--pres'], ['--preserve-credentials']],
    [['nstool', 'help', 'l'], ['ls']],
    [
      ['nstool', 'enter', '--as-target', '=', 'no-c'],
      ['no-cwd', 'no-cgroup', 'no-caps'],
    ],
    [
      ['nstool', 'enter', '--as-target', '=', 'no-env,no-l'],
      ['no-env,no-label', 'no-env,no-limits'],
    ],
    [['nstool', 'enter', '--as-target=no-ns,no-o'], ['--as-target=no-ns,no-oom']],
    [['nstool', 'enter', '--root', '=', 'no-o'], []],
    [['nstool', 'ls', '$(touch /nstool-was-here)'], []],
    [
      ['nstool', 'caps', 'file', ''],
      ['get', 'set', 'rm', 'verify'],
    ],
    [['nstool', 'caps', 'file', 'get', '--rec'], ['--recursive']],
  ])('%j', (words, offered) => {
    expect(inBash(words)).toEqual(offered);
  });

  it('second words, each once', () => {
    const below = commands.flatMap(({ name }) => /^caps (\w+)/.exec(name)?.[1] ?? []);
    expect(inBash(['nstool', 'caps', ''])).toEqual([...new Set(below)]);
  });
});

/** The script in a file: a shell's standard input here is a socket, which no shell can open again. */
function scriptFile(shell: string): string {
  const path = join(installation(), `completion.${shell}`);
  writeFileSync(path, nstool(['completion', shell]).stdout);
  return path;
}

describe.skipIf(lacks('zsh'))('completion in zsh', () => {
  it('is sourced without a word', () => {
    const script = `autoload -Uz compinit; compinit -u -D; source ${scriptFile('zsh')}; whence _nstool`;
    expect(run(['zsh', '-f', '-c', script])).toMatchObject({ status: 0, stderr: '', stdout: '_nstool\n' });
  });
});

describe.skipIf(lacks('fish'))('completion in fish', () => {
  it('offers commands and options', () => {
    const offered = (line: string): string =>
      run(['fish', '-N', '-c', `source ${scriptFile('fish')}; complete -C '${line}'`]).stdout;
    expect(offered('nstool en')).toBe('enter\n');
    expect(offered('nstool ls --noh')).toContain('--noheadings');
  });
});

it('refuses a shell that it does not know', () => {
  expect(nstool(['completion', 'bsh'])).toMatchObject({ status: 2, stdout: '' });
});
