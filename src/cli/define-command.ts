// A command is a value: what it is called, what it takes, what it does. The same definition feeds the parser, the help
// and the checks of the tests. `run` returns an outcome and never prints.

import type { ChangeOptions, Removed } from '../host/linux/change-cgroups.ts';
import type { FolderEvents } from '../host/linux/folder-events.ts';
import type { GatedChild } from '../host/linux/gated-child.ts';
import type { Detached } from '../host/linux/start-detached.ts';
import type { Journal } from '../host/linux/journal.ts';
import type { KernelLog } from '../host/linux/kernel-log.ts';
import type { NetworkEventSocket } from '../host/linux/network-event-socket.ts';
import type { NsexecChildren } from '../host/linux/nsexec-children.ts';
import type { KeptFiles } from '../host/linux/kept-files.ts';
import type { ProcessEventSocket } from '../host/linux/process-event-socket.ts';
import type { CapabilityTrace } from '../host/linux/trace.ts';
import type { DropTrace } from '../host/linux/trace-drops.ts';
import type { AttributeOperation, AttributeOutcome } from '../kernel/attribute-plan.ts';
import type { CgroupMaking, CgroupsMade, Enabling } from '../kernel/cgroup-making.ts';
import type { CgroupPlace, CgroupWrite, CgroupWriteOutcome } from '../kernel/cgroup-plan.ts';
import type { NsError } from '../kernel/error.ts';
import type { Host, NamespaceDoor, NetlinkRequest, Reading } from '../kernel/host.ts';
import type { NamingOutcome, NetworkNaming } from '../kernel/network-name.ts';
import type { JournalEntry, NetworkUndo } from '../kernel/journal.ts';
import type { NetworkBuilding, NetworkBuilt, NetworkUndone } from '../kernel/network-plan.ts';
import type { Probe, ProbeAnswer } from '../kernel/probe.ts';
import type { Program } from '../kernel/program.ts';
import type { Replayed, Replaying } from '../kernel/replay-plan.ts';
import type { ReleaseOutcome, ReleasePlan } from '../kernel/release.ts';
import type { Theme } from '../render/theme.ts';
import type { ScreenEvents, TerminalScreen } from './terminal-screen.ts';

export interface OptionDefinition {
  readonly long: string;
  readonly short?: string;
  /** The name of its value; absent for a flag. */
  readonly value?: string;
  /** The value is taken only after `=` on the long name; the short letter takes none but of `choices`. */
  readonly optionalValue?: boolean;
  /** The values that it takes, for completion. */
  readonly choices?: readonly string[];
  readonly help: string;
}

export interface Example {
  readonly line: string;
  readonly does: string;
}

export interface CommandDefinition {
  /** `ls`, `caps decode`. */
  readonly name: string;
  readonly summary: string;
  /** The operands, as help shows them. */
  readonly operands: string;
  /** How many operands it takes, at least and at most. */
  readonly arity: readonly [number, number];
  readonly description: readonly string[];
  readonly options: readonly OptionDefinition[];
  readonly examples: readonly Example[];
  readonly exitStatus: readonly (readonly [number | string, string])[];
  /**
   * Where the words of another program begin: after this many operands, or none when one of `insteadOfOperand` is
   * among the options, or any option that has its optional value.
   */
  readonly program?: {
    readonly operandsBefore: number;
    readonly insteadOfOperand: readonly string[];
    /** The exit status is never the program's, so our own failures need none that tells them apart. */
    readonly ownStatus?: boolean;
  };
  readonly run: (invocation: Invocation, context: Context) => Outcome | Promise<Outcome>;
}

/** A command by its name, loaded when it is asked for. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<CommandDefinition>;
}

/** The words of the command line, sorted. */
export interface Invocation {
  readonly operands: readonly string[];
  /** The values of each option that was given, in order; a flag's is ''. */
  readonly options: ReadonlyMap<string, readonly string[]>;
  /** The words that belong to another program, as bytes. */
  readonly program: readonly Uint8Array[];
}

export interface Stream {
  readonly isTerminal: boolean;
  readonly color: boolean;
  /** Columns of the terminal; undefined when it is none. */
  readonly columns: () => number | undefined;
}

/** The process around a command: the only way to it. */
export interface Context {
  readonly stdin: Pick<Stream, 'isTerminal'>;
  readonly stdout: Stream;
  readonly stderr: Stream;
  /** The machine, or the recorded host of `--from FILE` or of the argument. */
  readonly host: (recording?: string) => Promise<Host>;
  /** What the kernel tells of processes; `wake` is called when there is something to read. */
  readonly processEvents: (wake: () => void) => Promise<Reading<ProcessEventSocket>>;
  /** What the kernel tells of a network namespace of this machine, our own if none is named; `wake` as above. */
  readonly networkEvents: (door: NamespaceDoor | undefined, wake: () => void) => Promise<Reading<NetworkEventSocket>>;
  /** Names that are made and removed in directories of this machine, which need not be there yet; `wake` as above. */
  readonly folderEvents: (folders: readonly string[], wake: () => void) => Promise<Reading<FolderEvents>>;
  /** Takes names and mounts of a namespace of this machine away: an outcome for each operation. */
  readonly release: (plan: ReleasePlan) => Promise<readonly ReleaseOutcome[]>;
  /** Gives a network namespace of this machine a name. */
  readonly nameNetwork: (naming: NetworkNaming) => Promise<NamingOutcome>;
  /** A netlink request that changes this machine; the answer is an errno, or none. */
  readonly changeNetwork: (request: NetlinkRequest) => Promise<Reading<readonly Uint8Array[]>>;
  /** Changes extended attributes of files of this machine: an outcome for each. */
  readonly changeAttributes: (plan: readonly AttributeOperation[]) => Promise<readonly AttributeOutcome[]>;
  /** Writes into files of cgroups of this machine: an outcome for each. */
  readonly changeCgroups: (
    writes: readonly CgroupWrite[],
    options: ChangeOptions,
  ) => Promise<readonly CgroupWriteOutcome[]>;
  /** Makes cgroups for a command, with a journal of them. Errors: DENIED, of the journal. */
  readonly makeCgroups: (making: CgroupMaking) => Promise<CgroupsMade>;
  /** Kills what is in a cgroup that was made for a command, and removes what is below it. */
  readonly emptyCgroup: (place: CgroupPlace) => Promise<void>;
  /** Where we or our parent are in it, we go to the one above it. */
  readonly leaveCgroup: (place: CgroupPlace) => Promise<void>;
  /** Of what was handed on for the cgroups `ours`, which do not count. */
  readonly takeControllersBack: (
    enabling: Pick<Enabling, 'place' | 'controllers'>,
    ours: readonly CgroupPlace[],
  ) => Promise<void>;
  /** Removes a cgroup that was made, with nothing in it. */
  readonly removeCgroup: (place: CgroupPlace) => Promise<Removed>;
  /** Makes a network, with a journal of it. Errors: DENIED, of the journal. */
  readonly buildNetwork: (building: NetworkBuilding) => Promise<NetworkBuilt>;
  /** Builds a network again from a snapshot, with a journal of it. Errors: DENIED, of the journal. */
  readonly replayNetwork: (replaying: Replaying) => Promise<Replayed>;
  /** Starts a program that outlives us, once its number is in the journal. */
  readonly startDetached: (program: Program) => Promise<Detached>;
  /** Takes it back, in this order. `others`: the entries of the journal but that which it is of. */
  readonly undoNetworks: (
    undo: readonly NetworkUndo[],
    options: { readonly dryRun: boolean; readonly others: readonly JournalEntry[] },
  ) => Promise<readonly NetworkUndone[]>;
  /** Sends packets of this machine, and waits for what comes of them: an answer for each. */
  readonly probe: (probes: readonly Probe[]) => Promise<readonly Reading<ProbeAnswer>[]>;
  /** What we changed and made on this machine. Errors: DENIED. */
  readonly journal: () => Promise<Journal>;
  /** What `caps why` and `net doctor` left in the kernel's tracing, as root: the names of the instances. */
  readonly traceLeftovers: (options: { readonly remove: boolean }) => Promise<readonly string[]>;
  /** For a look that may take long. */
  readonly progress: () => Promise<Progress>;
  /** Programs that run while we wait for them. Errors: UNSUPPORTED, without nsexec. */
  readonly children: () => Promise<NsexecChildren>;
  /** Of capabilities that are asked for, on this machine. Errors: DENIED, UNSUPPORTED. */
  readonly trace: () => Promise<CapabilityTrace>;
  /** Of packets that the kernel drops, on this machine. Errors: DENIED, UNSUPPORTED. */
  readonly traceDrops: () => Promise<DropTrace>;
  /** What the kernel logs from now on. */
  readonly kernelLog: () => Promise<Reading<KernelLog>>;
  /** A command on our terminal that waits for its beginning. Errors: UNSUPPORTED. */
  readonly gated: (program: Program) => Promise<GatedChild>;
  /** Files of this machine that are read again and again: see KeptFiles. */
  readonly keptFiles: (onRenewed: (path: string) => void) => Promise<KeptFiles>;
  /** Standard output, a terminal, to draw on. */
  readonly screen: (events: ScreenEvents) => Promise<TerminalScreen>;
  /** How many of them can make progress at the same time. */
  readonly processors: () => number;
  readonly readStdin: () => string;
  /** A file of this machine's, also with --from: one that the command line names, not one of the host's. */
  readonly readInput: (path: string) => Promise<Reading<Uint8Array>>;
  /** Can the file be made, or replaced, by us? What it returns does that. Errors: BAD_VALUE, NO_FILE, DENIED; OUTPUT. */
  readonly output: (path: string) => Promise<(text: string) => void>;
  /** What a program that takes our place inherits. */
  readonly environment: () => readonly Uint8Array[];
  readonly variable: (name: string) => string | undefined;
  readonly theme: (stream: Stream) => Promise<Theme>;
}

/** Tells on standard error how far it has come, if that is a terminal and it takes long. */
export interface Progress {
  /** The text is made when it is shown. */
  readonly tell: (text: () => string) => void;
  readonly end: () => void;
}

/** The way out for an answer that has no end of its own. */
export interface Streaming {
  /** Writes at once; done when it is written. When the reader has gone away it says so by `ending`. */
  readonly emit: (part: string | Uint8Array) => Promise<void>;
  /** The same to standard error; whether anybody reads it does not matter. */
  readonly talk: (part: string | Uint8Array) => Promise<void>;
  /** Aborted by a signal that ends us, and when nobody reads any more. */
  readonly ending: AbortSignal;
  /** That signal; SIGPIPE when nobody reads. */
  readonly endedBy: () => NodeJS.Signals;
}

export type Outcome =
  | {
      /** The answer. */
      readonly stdout: string;
      /** Talk: lines for standard error, without the program's name. */
      readonly notes?: readonly string[];
      /** What the answer says no to, as an error's text on standard error. */
      readonly error?: NsError;
      readonly status: number;
    }
  /** The answer comes as it happens, until it says that it is over, with a status, or is ended. */
  | { readonly stream: (streaming: Streaming) => Promise<number> }
  /** nstool is replaced by nsexec, which carries this out. */
  | {
      readonly replaceBy: Program;
      readonly notes?: readonly string[];
      /** What was made for it, where it cannot be started. */
      readonly takeBack?: () => void;
    };

export function flag(invocation: Invocation, long: string): boolean {
  return invocation.options.has(long);
}

/** The last value counts. */
export function optionValue(invocation: Invocation, long: string): string | undefined {
  return invocation.options.get(long)?.at(-1);
}

export const commonOptions: readonly OptionDefinition[] = [
  { long: 'from', value: 'FILE', help: 'ask the recorded host in FILE instead of this machine' },
  { long: 'color', value: 'WHEN', choices: ['auto', 'always', 'never'], help: 'auto (the default), always or never' },
  { long: 'debug', help: 'show where an error of nstool itself came from' },
  { long: 'help', short: 'h', help: 'this text' },
];
