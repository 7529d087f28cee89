// The label that SELinux or AppArmor has given the target. Source: proc_pid_attr(5), apparmor's change_onexec.

import { O_WRONLY } from '../../kernel/abi/open-flags.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import type { Step } from '../../kernel/program.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { step } from '../step.ts';
import { remarks, type Uncopied } from './part.ts';

const SLOT = 'label';

interface Labelled {
  readonly steps: readonly Step[];
  readonly uncopied: readonly Uncopied[];
}

/** Before anything is entered: the file is written by the process that it is of. The kernel keeps it for the exec. */
export function copyLabel(host: Host, pid: number): Labelled {
  const module = moduleOf(host);
  const theirs = labelOf(host, pid, module);
  // Without such a module the file cannot be read.
  if (theirs === undefined)
    return module === undefined
      ? none
      : { steps: [], uncopied: [{ what: `its ${module} label`, why: 'it cannot be read' }] };
  if (theirs === labelOf(host, 'self', module)) return none;
  if (module === undefined)
    return {
      steps: [],
      uncopied: [{ what: `label ${theirs}`, why: 'of security modules only SELinux and AppArmor are known here' }],
    };
  const what = `${module} label ${theirs}`;
  const path = `${folderOf(host, 'self', module)}/exec`;
  const refused = 'its policy does not allow this label to follow ours';
  const explanations = remarks(what, {
    EACCES: refused,
    EPERM: refused,
    EINVAL: refused,
    ENOENT: 'there is no such profile',
  });
  return {
    steps: [
      step(
        `open ${path}`,
        'while /proc is ours',
        { op: 'open', path, flags: O_WRONLY, into: SLOT },
        { try: true, explanations },
      ),
      step(
        `set the label for exec: ${theirs}`,
        `that of the target; ${module} gives it to the command`,
        { op: 'write', slot: SLOT, bytes: module === 'AppArmor' ? `exec ${profileOf(theirs)}` : theirs },
        { try: true, explanations },
      ),
    ],
    uncopied: [],
  };
}

const none: Labelled = { steps: [], uncopied: [] };

type Module = 'SELinux' | 'AppArmor';

function moduleOf(host: Host): Module | undefined {
  if (host.stat('/sys/fs/selinux/enforce').ok) return 'SELinux';
  const enabled = valueOf(host.readFile('/sys/module/apparmor/parameters/enabled'));
  return enabled !== undefined && decodeText(enabled).startsWith('Y') ? 'AppArmor' : undefined;
}

/** Where several modules are stacked AppArmor has a folder of its own. Since: Linux 5.8. */
function folderOf(host: Host, process: number | 'self', module: Module | undefined): string {
  const own = `/proc/${process}/attr/apparmor`;
  return module === 'AppArmor' && host.stat(own).ok ? own : `/proc/${process}/attr`;
}

function labelOf(host: Host, process: number | 'self', module: Module | undefined): string | undefined {
  const bytes = valueOf(host.readFile(`${folderOf(host, process, module)}/current`));
  const label = bytes === undefined ? '' : decodeText(bytes).replace(/[\n\0]+$/, '');
  return label === '' ? undefined : label;
}

/** `docker-default (enforce)`: the mode belongs to the profile, not to the process. */
function profileOf(label: string): string {
  return label.replace(/ \([a-z]+\)$/, '');
}
