import { resolveNetwork } from '../../inspect/network-names.ts';
import type { Host } from '../../kernel/host.ts';
import { planEnter, type EnterPlan } from '../../launch/enter.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { callerOf } from '../caller.ts';
import { flag, type CommandDefinition, type Context, type Invocation } from '../define-command.ts';
import { gapNote } from '../gap-text.ts';
import { notesOf } from './enter-notes.ts';
import { requireThisMachine } from './this-machine.ts';

export const netExec: CommandDefinition = {
  name: 'net exec',
  summary: 'run a program in a network, with its /sys and its files of /etc/netns',
  operands: 'TARGET [--] [COMMAND…]',
  arity: [1, 1],
  description: [
    'Runs COMMAND, or a login shell, in the network namespace of TARGET: a name in /run/netns, or any target (a pid,',
    'container:web, net:4026532177; a name that is a number is netns:NUMBER). As `ip netns exec` it mounts, for COMMAND',
    'alone, a /sys of that network and each file of /etc/netns/NAME over the one in /etc, also where that is a link, as',
    'resolv.conf often is, or where there is none. What is mounted below /sys (cgroups, bpffs, tracefs, debugfs) stays there;',
    'ip loses it. Names are not looked up by daemons of this host (nscd, resolved). Of a process or container its own',
    'resolv.conf and hosts are shown instead. nstool is replaced by COMMAND: signals and status are its own.',
    'Without a /sys of its own, or with more of the target, it is `nstool enter TARGET --net`.',
  ],
  options: [
    { long: 'dry-run', help: 'print the steps with their reasons, foresee a refusal (status 4), and do nothing' },
    { long: 'verbose', short: 'v', help: 'print the steps as they happen' },
  ],
  examples: [
    { line: 'nstool net exec blue ip addr', does: 'what ip netns exec blue ip addr prints' },
    {
      line: 'nstool net exec container:web ls /sys/class/net',
      does: "the interfaces of a container, by this host's ls",
    },
    { line: 'nstool net exec --dry-run blue ping 8.8.8.8', does: 'what would be mounted, and why' },
  ],
  exitStatus: [
    ['N', "COMMAND's own status; if a signal ended it, the same death (128+n in a shell)"],
    [125, 'nstool failed, usage included'],
    [4, 'with --dry-run: a step would be refused'],
    [126, 'COMMAND could not be executed'],
    [127, 'COMMAND was not found'],
  ],
  program: { operandsBefore: 1, insteadOfOperand: [] },
  async run(invocation, context) {
    requireThisMachine(invocation);
    const host = await context.host();
    requireOwnProc(host);
    if (flag(invocation, 'dry-run')) {
      const { dryRun } = await import('./enter-printed.ts');
      return dryRun(invocation, () => plan(invocation, host, context));
    }
    const planned = plan(invocation, host, context);
    return { replaceBy: planned.program, notes: [...notesOf(planned), ...planned.unread.map(gapNote)] };
  },
};

function plan(invocation: Invocation, host: Host, context: Context): EnterPlan {
  const { door } = resolveNetwork(host, invocation.operands[0] ?? '');
  const query = {
    kinds: [],
    given: [{ kind: 'net', way: door }],
    preserveCredentials: false,
    ownSys: true,
    fork: false,
    command: invocation.program,
    trace: flag(invocation, 'verbose'),
  } as const;
  return planEnter(host, query, callerOf(host, context.environment()));
}
