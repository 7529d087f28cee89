// What `cgroup show --json` answers, checked against its schema.

import { expect } from 'vitest';
import { nstool } from './program.ts';
import { faults } from './schemas.ts';

export interface ShownCgroups {
  readonly complete: boolean;
  readonly pid: number | null;
  readonly gaps: readonly { readonly subject: string; readonly examples: readonly string[] }[];
  readonly groups: readonly {
    readonly controllers: readonly string[];
    readonly hierarchy: number;
    readonly path: string;
    readonly directory: string | null;
    readonly through: number | null;
    readonly whole: boolean | null;
    readonly why: string | null;
  }[];
  readonly limits: readonly {
    readonly key: string;
    readonly set: unknown;
    readonly effective: unknown;
    readonly by: string | null;
    readonly usage: number | null;
    readonly room: { readonly left: number; readonly path: string } | null;
    readonly levels: readonly { readonly path: string; readonly set: unknown }[];
  }[];
  readonly cpuset: readonly {
    readonly key: string;
    readonly set: string;
    readonly effective: string;
    readonly by: string;
  }[];
  readonly weight: { readonly set: number; readonly share: number; readonly siblings: number } | null;
  readonly memory: { readonly usage: number } | null;
  readonly members: readonly { readonly path: string; readonly processes: number }[];
  readonly devices: { readonly allows: string; readonly rules: readonly string[] };
}

export function parsedCgroups({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): ShownCgroups {
  if (stdout === '') throw new Error(stderr);
  const answer: unknown = JSON.parse(stdout);
  expect(faults('cgroup show', answer)).toEqual([]);
  return answer as ShownCgroups;
}

export function shownCgroups(target: number | string): ShownCgroups {
  return parsedCgroups(nstool(['cgroup', 'show', String(target), '--json']));
}
