import type { Host } from '../../kernel/host.ts';
import { planEnter, type EnterPlan } from '../../launch/enter.ts';
import { callerOf } from '../caller.ts';
import { flag, optionValue, type CommandDefinition, type Context, type Invocation } from '../define-command.ts';
import { gapNote } from '../gap-text.ts';
import { notesOf } from './enter-notes.ts';
import { enterOptions, enterQuery, enterRecording, pathOptions } from './enter-query.ts';

export const enter: CommandDefinition = {
  name: 'enter',
  summary: 'run a program in the namespaces of a process',
  operands: 'TARGET [kinds] [--] [COMMAND…]',
  arity: [0, 1],
  description: [
    'Runs COMMAND, or a login shell (the first that is there: $SHELL, that of the user in the passwd of there, sh), in',
    'namespaces of TARGET: a pid (or PID:NUMBER, the number that a pidfd has), any other name of a process or container, or',
    'one namespace (/proc/4913/ns/net, /run/netns/blue, net:4026532177), which is entered alone. Without',
    'any kind all eight are entered. nstool is replaced by COMMAND: nothing of it stays, but a small waiting parent where a',
    'pid namespace was entered. From the first word after TARGET that is no option on, all belongs',
    'to COMMAND; -- is optional. With -t, --program, or when a kind has =OF, there is no TARGET.',
    'OF is a path, :ID (what `ls -o ID` shows), host, or any target, whose namespace of that kind is meant: several kinds',
    'can come from several targets. A file in the working directory is written ./FILE.',
    'Our own user namespace, and with --all what the kernel lacks, are passed over.',
    'Who has our terminal can push input into it. So on a terminal (standard input, output and error all are one), what',
    'enters another user namespace or a container gets a terminal of its own, as with --pty: keys go there raw, ^Z stops',
    'jobs of a shell there, and a parent of ours passes output, sizes, signals and status on. --no-pty: our own terminal,',
    "and ^Z stops the command. What SIGKILL of that parent leaves of our terminal, `stty sane` repairs. A container's",
    'sandbox (Kata, gVisor, runV) is entered at its outside only; that is said, with the command for the inside.',
    '--as-target makes COMMAND what docker exec makes, of what the target process has: namespaces (ns), root, cwd, env,',
    'cgroup, ids with groups (ids), capabilities and bounding set (caps), no_new_privs (nnp), LSM label (label), limits,',
    'umask, oom_score_adj (oom), seccomp filters (seccomp: that stops the target for a moment). --as-target=no-env,no-oom',
    'leaves parts out; other options go first. What cannot be copied is said, and is no failure.',
    'A refusal names the rule, and the command that would do. --dry-run foresees it, with status 4, except for what only',
    'the attempt shows: rights on files and cgroups, security modules, the command itself. --dry-run --json prints the',
    'program, with its whole environment, which --program carries out, as it is or edited.',
    'Where the file system stays ours COMMAND alone finds, in a mount namespace of its own: with the network of a target',
    'whose resolv.conf is another than ours its resolv.conf, hosts and line for hosts in nsswitch.conf (a named network:',
    'the files in /etc/netns/NAME); with its pid namespace a /proc of it. Without a kind --tools enters all but the mounts.',
    'Only standard input, output and error are passed on; other open descriptors are closed. Node resets the signals that',
    'the caller ignores: instead of `nohup nstool enter 4913 CMD` write `nstool enter 4913 nohup CMD`.',
  ],
  options: enterOptions,
  examples: [
    { line: 'nstool enter 4913 --net ifconfig', does: "this host's ifconfig in that process's network" },
    { line: 'nstool enter 4913', does: 'a shell in all its namespaces' },
    { line: 'nstool enter container:web --as-target sh', does: 'what docker exec makes, without docker' },
    { line: 'nstool enter /run/netns/blue ip -j addr', does: 'in a named network namespace' },
    { line: 'nstool enter --net=container:web --mount=4913 ls', does: 'kinds of several targets' },
    { line: 'nstool enter -t container:web -a --pid=host ps', does: "all of a container's but the processes" },
    { line: 'nstool enter web -e -c -r -w env', does: 'with its environment, cgroups, root and working directory' },
    { line: 'nstool enter web --net dig db', does: "this host's dig asks the container's name servers" },
    { line: 'nstool enter web --tools', does: "this host's shell and programs, its files at /target" },
    { line: 'nstool enter 4913 -a --dry-run id', does: 'the steps, and whether one would be refused' },
  ],
  exitStatus: [
    ['N', "COMMAND's own status; if a signal ended it, the same death (128+n in a shell)"],
    [125, 'nstool failed, usage included'],
    [4, 'with --dry-run: a step would be refused'],
    [126, 'COMMAND could not be executed'],
    [127, 'COMMAND was not found'],
  ],
  program: { operandsBefore: 1, insteadOfOperand: ['target', 'program', ...pathOptions] },
  async run(invocation, context) {
    const file = optionValue(invocation, 'program');
    if (file !== undefined) return (await import('./enter-printed.ts')).givenProgram(invocation, context, file);
    const host = await context.host(enterRecording(invocation));
    if (flag(invocation, 'dry-run')) {
      const { dryRun } = await import('./enter-printed.ts');
      return dryRun(invocation, () => plan(invocation, host, context));
    }
    const planned = plan(invocation, host, context);
    return { replaceBy: planned.program, notes: [...notesOf(planned), ...planned.unread.map(gapNote)] };
  },
};

function plan(invocation: Invocation, host: Host, context: Context): EnterPlan {
  return planEnter(host, enterQuery(invocation, host, context), callerOf(host, context.environment()));
}
