/**
 * People who run this installation: a name to sign in with, a password, and roles in apps. A role without an app counts in
 * every app and for the installation; one person has that of an owner at least.
 */
import { type MemberView, type PersonRole, PushError } from '@roost/protocol'
import { codeOf, type Queryable } from '../store/database.ts'
import { greaterRole } from './rights.ts'

export interface Person {
  readonly id: number
  readonly name: string
  readonly passwordHash: string
  readonly hasFactor: boolean
  readonly createdAt: string
}

const COLUMNS = `id, name, password_hash as "passwordHash", has_factor as "hasFactor", created_at as "createdAt"`

/** Names that look alike are one: capitals, and the forms of a letter. */
export function nameKey(name: string): string {
  return name.normalize('NFKC').toLowerCase()
}

export async function findPerson(db: Queryable, name: string): Promise<Person | undefined> {
  const { rows } = await db.query<Person>(`select ${COLUMNS} from person where name_key = $1`, [
    nameKey(name),
  ])
  return rows[0]
}

/** Throws `session_over` for one who was removed meanwhile. */
export async function readPerson(db: Queryable, id: number): Promise<Person> {
  const { rows } = await db.query<Person>(`select ${COLUMNS} from person where id = $1`, [id])
  if (rows[0] === undefined) throw new PushError('session_over', 'this person was removed')
  return rows[0]
}

export async function hasPeople(db: Queryable): Promise<boolean> {
  return (await db.query('select from person limit 1')).rowCount > 0
}

const UNIQUE_VIOLATION = '23505'

/** Throws `person_name_taken`. */
export async function addPerson(
  tx: Queryable,
  { name, passwordHash, at }: { readonly name: string; readonly passwordHash: string; readonly at: number },
): Promise<Person> {
  const { rows } = await unlessTaken(name, () =>
    tx.query<Person>(
      `insert into person (name, name_key, password_hash, created_at) values ($1, $2, $3, $4) returning ${COLUMNS}`,
      [name, nameKey(name), passwordHash, new Date(at)],
    ),
  )
  return rows[0] as Person
}

/** The first one is the owner. Of two at once, one of them. Throws `setup_done`. */
export async function addFirstOwner(
  tx: Queryable,
  person: { readonly name: string; readonly passwordHash: string; readonly at: number },
): Promise<Person> {
  await tx.query('lock table person in share row exclusive mode')
  if (await hasPeople(tx)) throw new PushError('setup_done', 'this installation has an owner')
  const added = await addPerson(tx, person)
  await giveRole(tx, { personId: added.id, appId: null, role: 'owner' })
  return added
}

export async function setPassword(tx: Queryable, personId: number, passwordHash: string): Promise<void> {
  await tx.query('update person set password_hash = $2 where id = $1', [personId, passwordHash])
}

/** What was noted under the former name stays so. Returns the former one. Throws `member_unknown`, `person_name_taken`. */
export async function renamePerson(
  tx: Queryable,
  { id, name }: { readonly id: number; readonly name: string },
): Promise<string> {
  const { rows } = await tx.query<{ name: string }>('select name from person where id = $1 for update', [id])
  if (rows[0] === undefined) throw new PushError('member_unknown', `there is no person ${id}`)
  await unlessTaken(name, () =>
    tx.query('update person set name = $2, name_key = $3 where id = $1', [id, name, nameKey(name)]),
  )
  return rows[0].name
}

async function unlessTaken<T>(name: string, store: () => Promise<T>): Promise<T> {
  try {
    return await store()
  } catch (error) {
    if (codeOf(error) === UNIQUE_VIOLATION)
      throw new PushError('person_name_taken', `somebody has the name "${name}"`, { values: { name } })
    throw error
  }
}

export interface RoleKey {
  readonly personId: number
  /** Null: the installation. */
  readonly appId: number | null
}

/** Who has a greater one keeps it. */
export async function giveRole(tx: Queryable, role: RoleKey & { readonly role: PersonRole }): Promise<void> {
  const { personId, appId } = role
  const before = await roleOf(tx, { personId, appId })
  await storeRole(tx, { ...role, role: before === null ? role.role : greaterRole(before, role.role) })
}

async function roleOf(tx: Queryable, { personId, appId }: RoleKey): Promise<PersonRole | null> {
  const { rows } = await tx.query<{ role: PersonRole }>(
    'select role from person_role where person_id = $1 and app_id is not distinct from $2',
    [personId, appId],
  )
  return rows[0]?.role ?? null
}

async function storeRole(
  tx: Queryable,
  { personId, appId, role }: RoleKey & { role: PersonRole },
): Promise<void> {
  await tx.query(
    `insert into person_role (person_id, app_id, role) values ($1, $2, $3)
     on conflict (person_id, app_id) do update set role = excluded.role`,
    [personId, appId, role],
  )
}

/** Null takes it away. Returns the one before. Throws `owner_needed`. Whether the person may be seen is the caller's to ask. */
export async function changeRole(
  tx: Queryable,
  { role, ...key }: RoleKey & { readonly role: PersonRole | null },
): Promise<PersonRole | null> {
  await lockOwners(tx)
  const before = await roleOf(tx, key)
  if (role !== null) await storeRole(tx, { ...key, role })
  else
    await tx.query('delete from person_role where person_id = $1 and app_id is not distinct from $2', [
      key.personId,
      key.appId,
    ])
  await requireOwner(tx)
  return before
}

/** With roles and sessions. Throws `member_unknown`, `owner_needed`. */
export async function removePerson(tx: Queryable, id: number): Promise<string> {
  await lockOwners(tx)
  const { rows } = await tx.query<{ name: string }>('delete from person where id = $1 returning name', [id])
  if (rows[0] === undefined) throw new PushError('member_unknown', `there is no person ${id}`)
  await requireOwner(tx)
  return rows[0].name
}

/** Two owners who remove each other at once must not both succeed. */
async function lockOwners(tx: Queryable): Promise<void> {
  await tx.query('lock table person_role in share row exclusive mode')
}

async function requireOwner(tx: Queryable): Promise<void> {
  const { rowCount } = await tx.query(
    "select from person_role where app_id is null and role = 'owner' limit 1",
  )
  if (rowCount === 0) throw new PushError('owner_needed', 'this is the last owner of the installation')
}

/** Of the installation: everybody. Of an app: who has a role in it, be it by the installation. */
export async function listMembers(db: Queryable, appId: number | null): Promise<MemberView[]> {
  const { rows } = await db.query<MemberView>(
    `select p.id, p.name, p.has_factor as "hasSecondFactor", p.created_at as "createdAt",
            (select role from person_role r where r.person_id = p.id and r.app_id is not distinct from $1) as role,
            (select role from person_role r where r.person_id = p.id and r.app_id is null) as "installationRole",
            (select max(s.seen_at) from person_session s where s.person_id = p.id) as "seenAt"
       from person p
      where $1::integer is null
         or exists (select from person_role r where r.person_id = p.id and (r.app_id = $1 or r.app_id is null))
      order by p.name_key`,
    [appId],
  )
  return rows
}

/** Throws `member_unknown`. */
export async function readMember(
  db: Queryable,
  { id, appId }: { readonly id: number; readonly appId: number | null },
): Promise<MemberView> {
  const found = (await listMembers(db, appId)).find(it => it.id === id)
  if (found === undefined) throw new PushError('member_unknown', `there is no person ${id} here`)
  return found
}
