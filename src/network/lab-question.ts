// What a lab's plan is computed from, beside the host.

import type { JournalEntry } from '../kernel/journal.ts';
import type { SysctlUndo } from '../kernel/setting-undo.ts';
import type { Lab } from './lab.ts';

export interface LabQuestion {
  readonly lab: Lab;
  /** What stands of it. null: nothing. */
  readonly standing: JournalEntry | null;
  /** Directories that other labs made: who leaves last removes them. */
  readonly shared: ReadonlySet<string>;
  /** What other labs need set: who leaves last gives back what was there before. */
  readonly settings: readonly SysctlUndo[];
  /** A link address that no other has. */
  readonly newMac: () => string;
}
