// Recorded hosts for tests, and commands run on them without any process around: the context is made here.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CommandDefinition, Context, Outcome, Stream } from '../../src/cli/define-command.ts';
import { parseCommand } from '../../src/cli/parse-command.ts';
import { never, refusedActs } from '../../src/cli/refused-acts.ts';
import { readRecordedHost, recordedHost } from '../../src/host/recorded/recorded-host.ts';
import type { Host } from '../../src/kernel/host.ts';
import { theme } from '../../src/render/theme.ts';

export type FixtureHost = 'idle' | 'thirty-namespaces' | 'hidepid' | 'hostile' | CgroupHost;

/** Of these the cgroups are of interest: little else of them is recorded. */
type CgroupHost = 'resctrl' | 'kubernetes-node' | 'systemd-desktop' | 'v1-only';

export const fixtureHosts: readonly FixtureHost[] = ['idle', 'thirty-namespaces', 'hidepid', 'hostile'];

export function fixturePath(name: FixtureHost): string {
  return fileURLToPath(new URL(`../../fixtures/hosts/${name}.ndjson`, import.meta.url));
}

export function fixtureHost(name: FixtureHost): Host {
  return readRecordedHost(fixturePath(name));
}

/** The lines of an archive, as they stand there. */
export function archiveLines(name: FixtureHost): readonly Record<string, unknown>[] {
  const lines = readFileSync(fixturePath(name), 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A host of these answers: `{'link /proc/self': {text: '7'}}`. */
export function hostOf(answers: Readonly<Record<string, object>>, self = { pid: 7, uid: 0 }): Host {
  const lines = Object.entries(answers).map(([q, answer]) => JSON.stringify({ q, ...answer }));
  const text = [JSON.stringify({ nstool_recording: 1, self }), ...lines].join('\n');
  const host = recordedHost(text, 'test');
  if (!host.ok) throw new Error(JSON.stringify(host.gap));
  return host.value;
}

export interface CommandOptions {
  readonly host?: Host;
  /** A terminal this wide; absent: a pipe. */
  readonly columns?: number;
  readonly color?: boolean;
}

/** What the command answers to these words. Errors: those of the command. */
export async function runCommand(
  definition: CommandDefinition,
  words: readonly string[],
  { host, columns, color = false }: CommandOptions = {},
): Promise<Exclude<Outcome, { replaceBy: unknown } | { stream: unknown }>> {
  const invocation = parseCommand(definition, words, []);
  const outcome = await definition.run(
    invocation,
    contextOf(host, columns, color, invocation.options.get('from')?.[0]),
  );
  if ('replaceBy' in outcome || 'stream' in outcome) throw new Error('not a reading command');
  return outcome;
}

function contextOf(
  host: Host | undefined,
  columns: number | undefined,
  color: boolean,
  from: string | undefined,
): Context {
  const stream: Stream = { isTerminal: columns !== undefined, color, columns: () => columns };
  return {
    stdin: { isTerminal: false },
    stdout: stream,
    stderr: stream,
    host: async (recording = from) => {
      if (recording !== undefined) return readRecordedHost(recording);
      return host ?? never();
    },
    ...refusedActs(),
    progress: async () => ({ tell: () => undefined, end: () => undefined }),
    environment: never,
    variable: never,
    theme: async () => theme(color),
  };
}
