// What is asked often is read once.

/** Read at the first call, and then the same. */
export function kept<T>(read: () => T): () => T {
  let holder: { readonly value: T } | undefined;
  return () => (holder ??= { value: read() }).value;
}

/** The same for each key, kept as long as its owner. */
export function memo<T>(): (owner: object, key: string, make: () => T) => T {
  const known = new WeakMap<object, Map<string, { readonly made: T }>>();
  return (owner, key, make) => {
    const own = known.get(owner) ?? new Map<string, { readonly made: T }>();
    known.set(owner, own);
    const entry = own.get(key) ?? { made: make() };
    own.set(key, entry);
    return entry.made;
  };
}
