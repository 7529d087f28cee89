// Of a process: which container it was put into from outside, and by whom. Of a container's process: who was put in.

import { valueOf } from '../../kernel/host.ts';
import { parsePasswd } from '../../kernel/text/passwd.ts';
import { enteredProcesses, type Entered, type Entry } from '../../namespaces/entered.ts';
import type { FieldDefinition } from './field.ts';
import type { ProcessLook } from './process-look.ts';
import { many, type Field, type Value } from './report.ts';

const looks = new WeakMap<ProcessLook, Entered>();

/** One look at all processes does for both fields. */
function enteredOf(look: ProcessLook): Entered {
  const known = looks.get(look);
  if (known !== undefined) return known;
  const found = enteredProcesses(look.crowd);
  looks.set(look, found);
  return found;
}

export const enteredFields: readonly FieldDefinition<ProcessLook>[] = [
  {
    key: 'entered',
    help: 'the container that it was put into from outside, and who started it',
    applies: (look) => enteredOf(look).entries.has(look.pid),
    build: enteredField,
  },
  {
    key: 'entered_by',
    help: 'of a process of a container: those that were put into it from outside',
    applies: (look) => enteredOf(look).into(look.pid) !== undefined,
    build: enteredByField,
  },
];

function enteredField(look: ProcessLook): Field {
  const entry = enteredOf(look).entries.get(look.pid);
  if (entry === undefined) return { key: 'entered', value: null, lines: ['-'] };
  const { container } = entry;
  return { key: 'entered', value: { container, ...how(look, entry) }, lines: [`${container} ${text(look, entry)}`] };
}

function enteredByField(look: ProcessLook): Field {
  return many(
    'entered_by',
    enteredOf(look).into(look.pid) ?? null,
    (entry) => ({ pid: entry.pid, comm: entry.comm, ...how(look, entry) }),
    (entry) => `${entry.pid} ${entry.comm} ${text(look, entry)}`,
  );
}

function how(look: ProcessLook, { shared, missing, inCgroup, name, starter }: Entry): Readonly<Record<string, Value>> {
  const from = starter === null ? null : { ...starter, user: userName(look, starter.uid) };
  return { shared, missing, in_cgroup: inCgroup, name, starter: from };
}

/** `(net, not mnt pid uts; outside its cgroup), started by 4711 bash of unit:session-3.scope, user root`. */
function text(look: ProcessLook, { shared, missing, inCgroup, name, starter }: Entry): string {
  const kinds = `${shared.join(' ')}${missing.length === 0 ? '' : `, not ${missing.join(' ')}`}`;
  const where = `(${kinds}${inCgroup ? '' : '; outside its cgroup'})`;
  if (starter === null)
    return `${where}, its starter has ended${name === null || inCgroup ? '' : `; it is of ${name}`}`;
  const user = userName(look, starter.uid);
  const of = starter.name === null ? '' : ` of ${starter.name}`;
  return `${where}, started by ${starter.pid} ${starter.comm}${of}${user === null ? '' : `, user ${user}`}`;
}

function userName({ host }: ProcessLook, uid: number | null): string | null {
  if (uid === null) return null;
  const bytes = valueOf(host.readFile('/etc/passwd'));
  return (bytes === undefined ? undefined : parsePasswd(bytes).get(uid)) ?? String(uid);
}
