// What is written into files of cgroups, as data; carried out by host/linux/change-cgroups.ts.

import type { Gap } from './host.ts';

/** A cgroup, as it is found again: below where its hierarchy is mounted, by names that are not followed. */
export interface CgroupPlace {
  readonly mount: string;
  /** Names with `/` between them. Empty: what is mounted there itself. */
  readonly below: string;
  /**
   * Of its directory: it tells it from a later one with its name, as no number is given twice until the system is
   * started again (since Linux 5.5, on 64-bit machines). null: not known yet.
   */
  readonly inode: bigint | null;
}

export interface CgroupWrite {
  readonly place: CgroupPlace;
  readonly file: string;
  /** Without the newline, which is added: an empty text would not be a write. */
  readonly text: string;
  /** What brings the old value back. */
  readonly previous: string;
  readonly reason: string;
  /** Those that must all be done, or none: one that fails ends the others of its number. */
  readonly limit: number;
}

export type CgroupWriteOutcome =
  | { readonly type: 'written' }
  /** `step`: at what it failed. `owner`: the uid whose file it is; null: not told. */
  | {
      readonly type: 'failed';
      readonly step: 'find' | 'open' | 'write';
      readonly gap: Gap;
      readonly owner: number | null;
    }
  /** Another one failed. `back`: it was written, and its old value is there again; a gap: it could not be put back. */
  | { readonly type: 'left'; readonly back: boolean | Gap };
