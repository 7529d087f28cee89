// The annotations and labels by which kubelet and the engines mark the containers of pods. Source: containerd
// pkg/cri/annotations, cri-o pkg/annotations, kubelet pkg/kubelet/types/labels.go, nerdctl pkg/labels.

import type { Facts } from './engine-reader.ts';
import { textAt, type Json } from './json.ts';

/** Keys of one fact, of the engines in turn. */
const KEYS = {
  name: [
    'io.kubernetes.cri.container-name',
    'io.kubernetes.container.name',
    'io.kubernetes.cri-o.ContainerName',
    'nerdctl/name',
  ],
  image: ['io.kubernetes.cri.image-name', 'io.kubernetes.cri-o.ImageName', 'io.kubernetes.cri-o.Image'],
  pod: ['io.kubernetes.cri.sandbox-name', 'io.kubernetes.pod.name', 'io.kubernetes.cri-o.KubeName'],
  podNamespace: ['io.kubernetes.cri.sandbox-namespace', 'io.kubernetes.pod.namespace', 'io.kubernetes.cri-o.Namespace'],
  podUid: ['io.kubernetes.cri.sandbox-uid', 'io.kubernetes.pod.uid'],
} as const;

/** CRI-O has them in one word as well: k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT. */
const IN_ONE_WORD = 'io.kubernetes.cri-o.Name';
const CONTAINER_TYPES = ['io.kubernetes.cri.container-type', 'io.kubernetes.cri-o.ContainerType'];

/** All keys that are looked at. */
export const labelKeys: readonly string[] = [...Object.values(KEYS).flat(), IN_ONE_WORD, ...CONTAINER_TYPES];

type Told = Pick<Facts, keyof typeof KEYS>;

/** What a map of annotations or labels tells of pod and container. */
export function kubernetesLabels(labels: Json): Told {
  const first = (keys: readonly string[]): string | null => {
    for (const key of keys) {
      const text = textAt(labels, key);
      if (text !== null) return text;
    }
    return null;
  };
  const [, container, pod, podNamespace, podUid] =
    /^k8s_([^_]+)_([^_]+)_([^_]+)_([^_]+)_[0-9]+$/.exec(textAt(labels, IN_ONE_WORD) ?? '') ?? [];
  const isSandbox = CONTAINER_TYPES.some((key) => textAt(labels, key) === 'sandbox');
  return {
    // The container that only holds a pod's namespaces has no name of its own.
    name: isSandbox ? null : (first(KEYS.name) ?? container ?? null),
    image: first(KEYS.image),
    pod: first(KEYS.pod) ?? pod ?? null,
    podNamespace: first(KEYS.podNamespace) ?? podNamespace ?? null,
    podUid: first(KEYS.podUid) ?? podUid ?? null,
  };
}
