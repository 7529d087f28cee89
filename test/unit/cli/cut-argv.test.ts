import { describe, expect, test } from 'vitest';
import { cutArgv } from '../../../src/cli/cut-argv.ts';
import { enter } from '../../../src/cli/commands/enter.ts';
import { ls } from '../../../src/cli/commands/ls.ts';
import { commonOptions } from '../../../src/cli/define-command.ts';

/** The words of ours, and those of the program. */
function cut(line: string): { readonly ours: string; readonly program: string } {
  const words = line === '' ? [] : line.split(' ');
  const { ours, programLength } = cutArgv(words, [...enter.options, ...commonOptions], enter.program);
  return { ours: ours.join(' '), program: words.slice(words.length - programLength).join(' ') };
}

describe('where the words of the program begin', () => {
  test.each([
    ['4913 --net ip -j addr', '4913 --net=', 'ip -j addr'],
    ['4913 --net -- ip -j addr', '4913 --net=', 'ip -j addr'],
    ['--net 4913 ip -j addr', '--net= 4913', 'ip -j addr'],
    ['4913', '4913', ''],
    ['4913 --', '4913', ''],
    ['4913 -- -x', '4913', '-x'],
    ['4913 -- -- -x', '4913', '-- -x'],
    ['4913 sh -c x -- y', '4913', 'sh -c x -- y'],
    ['-- ip addr', '', 'ip addr'],
    ['-t 4913 -n ip addr', '--target 4913 --net=', 'ip addr'],
    ['-t4913 -n ip addr', '--target=4913 --net=', 'ip addr'],
    ['-nt 4913 ip addr', '--net= --target 4913', 'ip addr'],
    ['-nt4913 ip addr', '--net= --target=4913', 'ip addr'],
    ['--target=4913 ip addr', '--target=4913', 'ip addr'],
    ['--target 4913 ip addr', '--target 4913', 'ip addr'],
    ['--net=/run/netns/blue ifconfig', '--net=/run/netns/blue', 'ifconfig'],
    ['--net=/run/netns/blue --uts=/proc/1/ns/uts hostname', '--net=/run/netns/blue --uts=/proc/1/ns/uts', 'hostname'],
    ['/run/netns/blue ip addr', '/run/netns/blue', 'ip addr'],
    ['4913 --root=/mnt ls', '4913 --root=/mnt', 'ls'],
    ['4913 --root ls', '4913 --root=', 'ls'],
    ['4913 -r ls', '4913 --root=', 'ls'],
    ['4913 -mnu hostname', '4913 --mount= --net= --uts=', 'hostname'],
    ['4913 -muinpUCT id', '4913 --mount= --uts= --ipc= --net= --pid= --user= --cgroup= --time=', 'id'],
    ['4913 -aS 1000 -G1000 id', '4913 --all --setuid 1000 --setgid=1000', 'id'],
    ['4913 --setuid 1000 id -u', '4913 --setuid 1000', 'id -u'],
    ['4913 --dry-run -v id -v', '4913 --dry-run --verbose', 'id -v'],
    ['4913 --color always id --color never', '4913 --color always', 'id --color never'],
    ['4913 - x', '4913', '- x'],
    ['4913 --nett ip', '4913 --nett', 'ip'],
    ['4913 -z ip', '4913 -z', 'ip'],
    ['4913 -nz ip', '4913 --net= -z', 'ip'],
    ['--target', '--target', ''],
    ['-S', '--setuid', ''],
  ])('%s', (line, ours, program) => {
    expect(cut(line)).toEqual({ ours, program });
  });

  test('without a program -- is left to the parser, and nothing is cut', () => {
    expect(cutArgv(['a', '-n', '--', '-b', 'c'], [], undefined)).toEqual({
      ours: ['a', '-n', '--', '-b', 'c'],
      programLength: 0,
    });
  });
});

describe('an optional value behind its letter, as lsns takes it', () => {
  test.each([
    ['-T', '--tree='],
    ['-Towner', '--tree=owner'],
    ['-lTprocess', '--list --tree=process'],
    ['-Tparent -r', '--tree=parent --raw'],
    // All else is letters: -o and its value.
    ['-Towners', '--tree= --output=wners'],
    ['-To NS', '--tree= --output NS'],
  ])('ls %s', (line, ours) => {
    expect(cutArgv(line.split(' '), ls.options, undefined).ours.join(' ')).toBe(ours);
  });
});

describe('what would be taken for something else', () => {
  test.each([
    ['4913 --net= ip', '--net= has no value'],
    ['4913 -n/proc/1/ns/net ip', "-n takes no value: '/proc/1/ns/net'"],
    ['4913 -mn=/run/netns/x ip', "-n takes no value: '=/run/netns/x'"],
  ])('%s', (line, what) => {
    expect(() => cut(line)).toThrow(what);
  });
});
