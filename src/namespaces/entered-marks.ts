// What a listing shows of processes that entered a container.

import type { Host } from '../kernel/host.ts';
import { lookAtAll } from './crowd.ts';
import type { Namespace } from './discover/scan.ts';
import { enteredProcesses, type Entry } from './entered.ts';

/** Looks when it is first asked. */
export class EnteredMarks {
  private readonly host: Host;
  private kept: ReadonlyMap<number, Entry> | undefined;

  constructor(host: Host) {
    this.host = host;
  }

  private get entries(): ReadonlyMap<number, Entry> {
    this.kept ??= enteredProcesses(lookAtAll(this.host)).entries;
    return this.kept;
  }

  /** The container that a process entered, in a form that is a target; of one that entered none nothing. */
  ofProcess(pid: number): readonly string[] {
    const entry = this.entries.get(pid);
    return entry === undefined ? [] : [entry.container];
  }

  /** The pids of those that entered the container whose namespace it is. */
  ofNamespace({ kind, pids }: Namespace): readonly string[] {
    return pids.filter((pid) => this.entries.get(pid)?.shared.includes(kind) === true).map(String);
  }
}
