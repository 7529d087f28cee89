// Cgroups that are made for a command, as data; carried out by host/linux/make-cgroups.ts.

import type { CgroupPlace, CgroupWrite, CgroupWriteOutcome } from './cgroup-plan.ts';
import type { Gap } from './host.ts';
import type { JournalEntry } from './journal.ts';

/** Of v2: controllers that a cgroup is to hand on to those below it. */
export interface Enabling {
  readonly place: CgroupPlace;
  readonly controllers: readonly string[];
  /** No cgroup is below it yet: it hands them on for ours alone, and no longer than that. */
  readonly restore: boolean;
}

export interface CgroupMaking {
  /** For people: `cgroup run sh`. */
  readonly what: string;
  /** Of the journal's entry. */
  readonly id: string;
  /** In this order. */
  readonly make: readonly CgroupPlace[];
  /** One of them, that we go to ourselves. null: we stay. */
  readonly leaveTo: CgroupPlace | null;
  /** Where we came from. */
  readonly leaveFrom: CgroupPlace | null;
  readonly enable: readonly Enabling[];
  /** What they need to take processes at all. */
  readonly inherit: readonly Pick<CgroupWrite, 'place' | 'file' | 'text'>[];
  /** Their limits. */
  readonly writes: readonly CgroupWrite[];
}

export type CgroupsMade =
  | {
      readonly ok: true;
      /** Of each write. */
      readonly outcomes: readonly CgroupWriteOutcome[];
      /** The directory of the journal, and the entry in it. */
      readonly journal: string;
      readonly entry: JournalEntry;
      /** All of it, for when nothing comes after it. */
      readonly takeBack: () => void;
    }
  /** Nothing is left of it. `at`: what was to be done, for people. */
  | { readonly ok: false; readonly at: string; readonly gap: Gap };
