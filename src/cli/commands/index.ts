// The commands, by name. Each is loaded when it is asked for.

import type { CommandEntry } from '../define-command.ts';
import { capsDecodeEntry } from './caps-decode-entry.ts';
import { cgroupRunEntry } from './cgroup-run-entry.ts';
import { cgroupShowEntry } from './cgroup-show-entry.ts';
import { enterEntry } from './enter-entry.ts';
import { lsEntry } from './ls-entry.ts';
import { netUpEntry } from './net-up-entry.ts';

export const commands: readonly CommandEntry[] = [
  lsEntry,
  {
    name: 'holders',
    summary: 'what keeps a namespace alive, and the command that releases it',
    load: async () => (await import('./holders.ts')).holders,
  },
  {
    name: 'show',
    summary: 'one page on a process or namespace',
    load: async () => (await import('./show.ts')).show,
  },
  {
    name: 'ids',
    summary: 'uids, gids and pids of a target, and what they are here',
    load: async () => (await import('./ids.ts')).ids,
  },
  {
    name: 'diff',
    summary: 'what differs between two processes, containers or namespaces',
    load: async () => (await import('./diff.ts')).diff,
  },
  {
    name: 'capture',
    summary: 'record this host, for every reading command to look at later',
    load: async () => (await import('./capture.ts')).capture,
  },
  {
    name: 'watch',
    summary: 'namespaces as they appear and vanish, with who and how long',
    load: async () => (await import('./watch.ts')).watch,
  },
  enterEntry,
  {
    name: 'each',
    summary: 'run a program in every namespace that matches',
    load: async () => (await import('./each.ts')).each,
  },
  capsDecodeEntry,
  {
    name: 'caps encode',
    summary: 'capabilities in any form as a mask, names or text',
    load: async () => (await import('./caps-encode.ts')).capsEncode,
  },
  {
    name: 'caps list',
    summary: 'what each capability allows and risks, and who knows it',
    load: async () => (await import('./caps-list.ts')).capsList,
  },
  {
    name: 'caps show',
    summary: 'the capabilities of a process, and what they are worth',
    load: async () => (await import('./caps-show.ts')).capsShow,
  },
  {
    name: 'caps ls',
    summary: 'the processes that have capabilities, and what they are worth',
    load: async () => (await import('./caps-ls.ts')).capsLs,
  },
  {
    name: 'caps diff',
    summary: 'in which capabilities two processes, files or masks differ',
    load: async () => (await import('./caps-diff.ts')).capsDiff,
  },
  {
    name: 'caps file get',
    summary: 'the capabilities of files',
    load: async () => (await import('./caps-file-get.ts')).capsFileGet,
  },
  {
    name: 'caps file set',
    summary: 'give files capabilities',
    load: async () => (await import('./caps-file-set.ts')).capsFileSet,
  },
  {
    name: 'caps file rm',
    summary: 'take the capabilities of files away',
    load: async () => (await import('./caps-file-rm.ts')).capsFileRm,
  },
  {
    name: 'caps file verify',
    summary: 'do files have these capabilities',
    load: async () => (await import('./caps-file-verify.ts')).capsFileVerify,
  },
  {
    name: 'caps predict',
    summary: 'what execve will give a process, and why',
    load: async () => (await import('./caps-predict.ts')).capsPredict,
  },
  {
    name: 'caps can',
    summary: 'may a process do it, and what decides',
    load: async () => (await import('./caps-can.ts')).capsCan,
  },
  {
    name: 'caps why',
    summary: 'which capability was denied to a program, as it happens',
    load: async () => (await import('./caps-why.ts')).capsWhy,
  },
  {
    name: 'caps run',
    summary: 'start a program with exactly these capabilities, or say why it cannot be had',
    load: async () => (await import('./caps-run.ts')).capsRun,
  },
  cgroupShowEntry,
  {
    name: 'cgroup why',
    summary: 'why something is throttled, starved, killed, frozen, slow or cannot fork',
    load: async () => (await import('./cgroup-why.ts')).cgroupWhy,
  },
  {
    name: 'cgroup set',
    summary: 'limit a cgroup that is there, in the same words on v1 and v2',
    load: async () => (await import('./cgroup-set.ts')).cgroupSet,
  },
  cgroupRunEntry,
  {
    name: 'cgroup undo',
    summary: 'bring back what the limits were before cgroup set',
    load: async () => (await import('./cgroup-undo.ts')).cgroupUndo,
  },
  {
    name: 'gc',
    summary: 'remove what an nstool that was killed left behind',
    load: async () => (await import('./gc.ts')).gc,
  },
  {
    name: 'cgroup ls',
    summary: 'every cgroup with its owner, what it uses, and where it was held back',
    load: async () => (await import('./cgroup-ls.ts')).cgroupLs,
  },
  {
    name: 'cgroup tree',
    summary: 'the cgroups of one hierarchy as a tree, with what each uses',
    load: async () => (await import('./cgroup-tree.ts')).cgroupTree,
  },
  {
    name: 'cgroup top',
    summary: 'every cgroup with what it uses now, the busiest first',
    load: async () => (await import('./cgroup-top.ts')).cgroupTop,
  },
  {
    name: 'cgroup diff',
    summary: 'in which cgroups, limits and settings two processes differ',
    load: async () => (await import('./cgroup-diff.ts')).cgroupDiff,
  },
  {
    name: 'net ls',
    summary: 'the network namespaces of the host with all their names, and names that lead to none',
    load: async () => (await import('./net-ls.ts')).netLs,
  },
  {
    name: 'net show',
    summary: 'the network namespaces of the host, their links and where each leads',
    load: async () => (await import('./net-show.ts')).netShow,
  },
  {
    name: 'net graph',
    summary: 'how the network namespaces of the host hang together: as a tree, picture or page',
    load: async () => (await import('./net-graph.ts')).netGraph,
  },
  {
    name: 'net leaks',
    summary: 'what was left behind of networks, with evidence and the command that removes it',
    load: async () => (await import('./net-leaks.ts')).netLeaks,
  },
  {
    name: 'net monitor',
    summary: 'names of networks as they come and go, and what changes in networks',
    load: async () => (await import('./net-monitor.ts')).netMonitor,
  },
  {
    name: 'net doctor',
    summary: 'why there is no connection: the way there and back, hop by hop, and what is wrong on it',
    load: async () => (await import('./net-doctor.ts')).netDoctor,
  },
  {
    name: 'net add',
    summary: 'make a network namespace with a name',
    load: async () => (await import('./net-add.ts')).netAdd,
  },
  {
    name: 'net attach',
    summary: 'give a network namespace that is there a name',
    load: async () => (await import('./net-attach.ts')).netAttach,
  },
  {
    name: 'net rm',
    summary: 'take names of network namespaces away, and say who is still inside',
    load: async () => (await import('./net-rm.ts')).netRm,
  },
  {
    name: 'net exec',
    summary: 'run a program in a network, with its /sys and its files of /etc/netns',
    load: async () => (await import('./net-exec.ts')).netExec,
  },
  {
    name: 'net identify',
    summary: 'the names of the network that a process, container or we are in',
    load: async () => (await import('./net-identify.ts')).netIdentify,
  },
  {
    name: 'net pids',
    summary: 'the processes in a network',
    load: async () => (await import('./net-pids.ts')).netPids,
  },
  {
    name: 'net id',
    summary: 'the ids by which a network knows others, the numbers in link-netnsid',
    load: async () => (await import('./net-id.ts')).netId,
  },
  netUpEntry,
  {
    name: 'net test',
    summary: 'does a lab do what its file expects: who reaches whom, and who does not',
    load: async () => (await import('./net-test.ts')).netTest,
  },
  {
    name: 'net down',
    summary: 'undo net up: all is as it was before',
    load: async () => (await import('./net-down.ts')).netDown,
  },
  {
    name: 'net gc',
    summary: 'remove what a net up that was killed, or a reboot, left behind',
    load: async () => (await import('./net-gc.ts')).netGc,
  },
  {
    name: 'net snapshot',
    summary: 'a running network namespace as a file, to build it again elsewhere',
    load: async () => (await import('./net-snapshot.ts')).netSnapshot,
  },
  {
    name: 'net replay',
    summary: 'build a network namespace again from a snapshot',
    load: async () => (await import('./net-replay.ts')).netReplay,
  },
  {
    name: 'audit',
    summary: 'what a process or container could do to the host, as findings',
    load: async () => (await import('./audit.ts')).audit,
  },
  {
    name: 'explain',
    summary: 'what a finding of audit, cgroup why or net doctor means, and what to do',
    load: async () => (await import('./explain.ts')).explain,
  },
  {
    name: 'version',
    summary: 'the version; with -v what this kernel has and lacks',
    load: async () => (await import('./version.ts')).versionCommand,
  },
  {
    name: 'completion',
    summary: 'a script that completes our words in bash, zsh or fish',
    load: async () => (await import('./completion.ts')).completion,
  },
];
