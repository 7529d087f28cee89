// The rows of a listing of all cgroups, again and again.

import { Looks, type LooksOptions } from '../../cgroups/looks.ts';
import { readProcessTable } from '../../cgroups/processes.ts';
import type { WalkedGroup } from '../../cgroups/walk.ts';
import { GapTally, type CountedGap } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { kept } from '../../kernel/memo.ts';
import { ownersOf } from './group-owners.ts';
import { notMounted, type GroupRow } from './group-rows.ts';

export interface LookedRows {
  /** In the order of paths. */
  readonly rows: readonly GroupRow[];
  readonly gaps: readonly CountedGap[];
}

export class GroupLooks {
  private readonly host: Host;
  private readonly looks: Looks;
  /** null: it has none that is known. */
  private owners: ReadonlyMap<string, string | null> = new Map();
  private ownerGaps: readonly CountedGap[] = [];

  constructor(host: Host, options: LooksOptions) {
    this.host = host;
    this.looks = new Looks(host, options);
  }

  /** As of Looks. */
  renewed(): void {
    this.looks.renewed();
  }

  /** Errors: UNSUPPORTED, where no hierarchy is mounted. */
  look(): LookedRows {
    const { groups, walked, gaps } = this.looks.look();
    if (groups.length === 0) throw notMounted(gaps);
    if (walked) this.findOwners(groups.map(({ group }) => group));
    const rows = groups.map(({ group, sample, rates }): GroupRow => {
      return { group, sample, rates, owner: this.owners.get(group.path) ?? null, below: null };
    });
    return { rows, gaps: [...gaps, ...this.ownerGaps] };
  }

  /** Only of those that were not there before: to find them out takes longer than a look. */
  private findOwners(groups: readonly WalkedGroup[]): void {
    const fresh = groups.filter(({ path }) => !this.owners.has(path));
    const gaps = new GapTally();
    const found = ownersOf(
      this.host,
      fresh,
      kept(() => readProcessTable(this.host, gaps)),
      gaps,
    );
    if (fresh.length > 0) this.ownerGaps = gaps.list();
    this.owners = new Map(groups.map(({ path }) => [path, this.owners.get(path) ?? found.get(path) ?? null] as const));
  }
}
