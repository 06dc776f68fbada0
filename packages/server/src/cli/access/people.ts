/** What `roost access` does, in the database itself: whoever can read that needs no other proof. */
import { randomBytes } from 'node:crypto'
import { PERSON_NAME_CHARACTERS } from '@roost/protocol'
import { writeAudit } from '../../access/audit.ts'
import { Passwords } from '../../access/passwords.ts'
import {
  addPerson,
  findPerson,
  giveRole,
  listMembers,
  type Person,
  setPassword,
} from '../../access/people.ts'
import { removeFactor } from '../../access/second-factor.ts'
import { endSessions } from '../../access/sessions.ts'
import { readSetupCode } from '../../access/setup-code.ts'
import { readConfig, unknownSettings } from '../../config.ts'
import type { Seal } from '../../credentials/seal.ts'
import { openJobs } from '../../start/jobs.ts'
import type { Database, Queryable } from '../../store/database.ts'
import { StartError } from '../../store/folder.ts'
import { systemClock } from '../../time.ts'
import { plain } from '../plain.ts'
import { tellUnknown } from '../unknown-settings.ts'

interface Options {
  readonly json?: boolean
}

async function withDatabase(work: (db: Database, seal: Seal) => Promise<void>): Promise<void> {
  tellUnknown(unknownSettings(process.env))
  const { context, close } = await openJobs(readConfig(process.env))
  try {
    await work(context.db, context.webhooks.seal)
  } finally {
    await close()
  }
}

export async function list({ json }: Options): Promise<void> {
  await withDatabase(async db => {
    const people = await listMembers(db, null)
    const words = plain(people).map(
      ({ name, role, seenAt, hasSecondFactor }) =>
        `${name}: ${role ?? 'roles in apps'}${hasSecondFactor ? ', second factor' : ''}, ${seenAt === null ? 'never signed in' : `last seen ${seenAt}`}`,
    )
    print(json ? JSON.stringify({ people }) : words.join('\n') || 'nobody: roost access setup-code')
  })
}

export async function showSetupCode(): Promise<void> {
  await withDatabase(async (db, seal) => {
    const code = await readSetupCode(db, seal)
    if (code === undefined)
      throw new StartError(
        'this installation has an owner, so its set-up code is void',
        'Who has lost the password: roost access reset-password.',
      )
    print(code)
  })
}

export async function resetPassword(
  name: string,
  { json, withoutSecondFactor }: Options & { readonly withoutSecondFactor?: boolean },
): Promise<void> {
  await withDatabase(async db => {
    const person = await findPerson(db, name)
    if (person === undefined)
      throw new StartError(`there is nobody with the name "${name}"`, 'roost access list has the names.')
    const password = newPassword()
    const passwordHash = await new Passwords().hash(password)
    await db.transaction(async tx => {
      await setPassword(tx, person.id, passwordHash)
      await endSessions(tx, person.id)
      if (withoutSecondFactor) await removeFactor(tx, person.id)
      await note(tx, 'roost access reset-password', person)
    })
    tell({ name: person.name, password }, json)
  })
}

export async function makeOwner(name: string, { json }: Options): Promise<void> {
  if (name.trim() === '' || name.length > PERSON_NAME_CHARACTERS)
    throw new StartError(
      'the name is empty or too long',
      `It has at most ${PERSON_NAME_CHARACTERS} characters.`,
    )
  await withDatabase(async db => {
    const known = await findPerson(db, name)
    const password = known === undefined ? newPassword() : null
    const passwordHash = password === null ? '' : await new Passwords().hash(password)
    await db.transaction(async tx => {
      const at = systemClock.now()
      const person = known ?? (await addPerson(tx, { name: name.trim(), passwordHash, at }))
      await giveRole(tx, { personId: person.id, appId: null, role: 'owner' })
      await note(tx, 'roost access owner', person)
    })
    tell({ name: known?.name ?? name.trim(), password }, json)
  })
}

/** 24 characters, 144 bits. */
function newPassword(): string {
  return randomBytes(18).toString('base64url')
}

async function note(tx: Queryable, what: string, { name }: Person): Promise<void> {
  const by = { kind: 'person', id: null, name: 'roost access', sessionId: null } as const
  await writeAudit(tx, { by, appId: null, what, subject: name, at: systemClock.now() })
}

interface Told {
  readonly name: string
  /** Null: as before. */
  readonly password: string | null
}

function tell({ name, password }: Told, json: boolean | undefined): void {
  if (json) return print(JSON.stringify({ name, password }))
  print(
    password === null
      ? `${name} is an owner now; the password is as before`
      : `${name} signs in with this password, which is told once; change it then:\n  ${password}`,
  )
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
