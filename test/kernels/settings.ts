import { readFileSync, writeFileSync } from 'node:fs';

/** A file of /proc/sys set to `value` for as long as `act` takes. */
export async function withSetting<T>(path: string, value: string, act: () => T | Promise<T>): Promise<T> {
  const before = readFileSync(path, 'utf8');
  writeFileSync(path, value);
  try {
    return await act();
  } finally {
    writeFileSync(path, before);
  }
}
