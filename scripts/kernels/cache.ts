// What was fetched, kept from run to run: a folder for each thing, which is there complete or not at all.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface Cache {
  readonly folder: string;
  /** Whether all is fetched anew. */
  readonly update: boolean;
  readonly say: (line: string) => void;
}

/** By this run: also with `update` not twice. */
const fetched = new Set<string>();

export function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'nstool-kernels');
}

/**
 * The folder of `name`, filled by `fill` if it is missing or was made from another `recipe`. `fill` gets the folder and
 * one for its temporary files, and returns what was fetched, for people.
 */
export function cached(
  cache: Cache,
  name: string,
  recipe: unknown,
  fill: (into: string, temporary: string) => string,
): string {
  const folder = join(cache.folder, name);
  const mark = join(folder, 'recipe.json');
  const wanted = JSON.stringify(recipe);
  const isCurrent = !cache.update || fetched.has(folder);
  if (isCurrent && existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return folder;
  const fresh = `${folder}.new`;
  const temporary = `${folder}.temporary`;
  for (const path of [fresh, temporary]) {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
  }
  cache.say(`fetched ${fill(fresh, temporary)}`);
  writeFileSync(join(fresh, 'recipe.json'), wanted);
  for (const path of [folder, temporary]) rmSync(path, { recursive: true, force: true });
  renameSync(fresh, folder);
  fetched.add(folder);
  return folder;
}
