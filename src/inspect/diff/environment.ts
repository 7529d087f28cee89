// The environment that a process was started with.

import { value, type Host, type Reading } from '../../kernel/host.ts';
import { parseCmdline } from '../../kernel/text/cmdline.ts';
import type { Fact, Section } from './fact.ts';

/** Source: proc_pid_environ(5). Values hold passwords: without `withValues` only the names are facts. */
export function environmentSection(host: Host, process: Reading<number>, withValues: boolean): Section {
  const bytes = process.ok ? host.readFile(`/proc/${process.value}/environ`) : process;
  const subject = 'environment';
  if (!bytes.ok) return { subject, facts: bytes };
  const variables = variablesOf(parseCmdline(bytes.value));
  if (!withValues) return { subject, facts: value([{ what: subject, name: null, value: [...variables.keys()] }]) };
  const facts = [...variables].map(([name, text]): Fact => ({ what: subject, name, value: text }));
  return { subject, facts: value(facts) };
}

/** Of a name that is there twice getenv(3) finds the first. What has no `=` is a name without a value. */
function variablesOf(words: readonly string[]): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const word of words) {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    if (name !== '' && !variables.has(name)) variables.set(name, equals < 0 ? '' : word.slice(equals + 1));
  }
  return variables;
}
