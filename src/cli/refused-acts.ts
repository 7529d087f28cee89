// What a command that only reads a host asks of the process around it is a bug: the one list of that, for who runs such
// commands without a process of their own.

import type { Context } from './define-command.ts';

/** All but what a reading command is given. */
type Act = Exclude<
  keyof Context,
  'stdin' | 'stdout' | 'stderr' | 'host' | 'environment' | 'variable' | 'progress' | 'theme'
>;

/** Each of them throws. */
export function refusedActs(): Pick<Context, Act> {
  return {
    processEvents: never,
    networkEvents: never,
    folderEvents: never,
    release: never,
    nameNetwork: never,
    changeNetwork: never,
    changeAttributes: never,
    changeCgroups: never,
    makeCgroups: never,
    emptyCgroup: never,
    leaveCgroup: never,
    takeControllersBack: never,
    removeCgroup: never,
    buildNetwork: never,
    startDetached: never,
    undoNetworks: never,
    replayNetwork: never,
    probe: never,
    journal: never,
    traceLeftovers: never,
    children: never,
    trace: never,
    traceDrops: never,
    kernelLog: never,
    gated: never,
    keptFiles: never,
    screen: never,
    processors: never,
    readStdin: never,
    readInput: never,
    output: never,
  };
}

export function never(): never {
  throw new Error('a reading command asks for more than the host');
}
