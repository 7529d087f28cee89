// Sets that have a name: what the engines give a container, and what Kubernetes' policies allow one.

export interface Baseline {
  readonly name: string;
  readonly mask: bigint;
  /** Whose default it is. */
  readonly about: string;
  /** Do processes run with it as it is? Only such a one is a start for the shortest expression of a set. */
  readonly given: boolean;
}

/**
 * Beside these `full` is all that the running kernel knows, and `none` nothing. Sources: moby daemon/pkg/oci/caps,
 * containers-common containers.conf(5), cri-o internal/config/capabilities, Kubernetes' Pod Security Standards.
 */
export const baselines: readonly Baseline[] = [
  { name: 'docker', mask: 0xa804_25fbn, about: 'what docker and containerd give a container', given: true },
  { name: 'podman', mask: 0x8004_05fbn, about: 'what podman gives a container', given: true },
  { name: 'crio', mask: 0x5fbn, about: 'what CRI-O gives a container', given: true },
  { name: 'k8s-baseline', mask: 0xa804_05fbn, about: "what Kubernetes' baseline policy lets a pod add", given: false },
  { name: 'k8s-restricted', mask: 0x400n, about: "what Kubernetes' restricted policy lets a pod add", given: false },
];

/** The words that stand for a set. */
export const setWords: readonly string[] = ['full', 'all', 'none', ...baselines.map(({ name }) => name)];
