// A container that has a kernel of its own, in a virtual machine (Kata, runV) or in user space (gVisor): to this kernel
// its payload is nothing, and what can be entered is only what is around it.

import { containerName } from '../containers/display-name.ts';
import type { Identity, Sandbox } from '../containers/identity.ts';

const KERNELS: Record<Sandbox, string> = {
  kata: 'a virtual machine (Kata)',
  runv: 'a virtual machine (runV)',
  gvisor: 'a kernel in user space (gVisor)',
};

/** Lines to say before the command starts. undefined: there is no second kernel. */
export function sandboxNote(identity: Identity | undefined): string | undefined {
  if (identity?.sandbox === null || identity === undefined) return undefined;
  const name = containerName(identity);
  const inside = commandInside(identity);
  return [
    `${name ?? 'the container'} runs in ${KERNELS[identity.sandbox]}: only the outside of it is entered, its processes are not there`,
    ...(inside === undefined ? [] : [`the inside: ${inside}`]),
  ].join('; ');
}

/** What the engine itself has to run a command inside. Names are data of others: one that a shell would take apart is not shown. */
function commandInside({ engine, id, name, pod, podNamespace }: Identity): string | undefined {
  const container = [name, id].find((word) => isPlain(word));
  if (isPlain(pod) && isPlain(podNamespace)) {
    const which = isPlain(name) ? ` -c ${name}` : '';
    return `kubectl exec -it -n ${podNamespace} ${pod}${which} -- sh`;
  }
  const byId = isPlain(id) ? id : undefined;
  switch (engine) {
    case 'docker':
    case 'podman':
      return container === undefined ? undefined : `${engine} exec -it ${container} sh`;
    case 'containerd':
      return byId === undefined ? undefined : `ctr task exec -t --exec-id nstool ${byId} sh`;
    case 'cri':
    case 'cri-o':
      return byId === undefined ? undefined : `crictl exec -it ${byId} sh`;
    case 'buildkit':
    case 'ecs':
    case 'garden':
    case 'incus':
    case 'libvirt':
    case 'lxc':
    case 'lxd':
    case 'nomad':
    case 'nspawn':
    case 'rkt':
    case 'talos':
    case null:
      return undefined;
  }
}

function isPlain(word: string | null): word is string {
  return word !== null && /^[A-Za-z0-9][\w.-]*$/.test(word);
}
