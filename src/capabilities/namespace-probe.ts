// Which user namespace an address in the kernel is. The kernel tells it of a capability that is asked for; so one is asked
// for in a namespace that we know: opening /proc/PID/setgroups to write needs CAP_SYS_ADMIN in that of the process, and
// opening is all that is done. Source: fs/proc/base.c proc_setgroups_open().

import type { TraceEvent } from '../kernel/trace/event.ts';

/** CAP_SYS_ADMIN. */
const ASKED = 21;

/** Reads what the kernel tells of a process that calls umask(2) before it opens the file of each, one after the other. */
export class NamespaceProbe {
  private at: number = -1;
  private call = '';
  /** By address, the place of the process in the list. */
  readonly found: Map<bigint, number> = new Map();

  take(event: TraceEvent, nameOfCall: (number: number) => string): void {
    if (event.type === 'enter') {
      this.call = nameOfCall(event.call);
      if (this.call === 'umask') this.at += 1;
    } else if (event.type === 'capability' && event.capability === ASKED && this.call === 'openat' && this.at >= 0) {
      this.found.set(event.namespace, this.at);
    }
  }
}
