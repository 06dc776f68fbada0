/**
 * Second factors: codes of an authenticator (TOTP, 30 seconds, six digits; one step of drift either way), and recovery codes
 * for when it is lost. A code counts once.
 * Source: RFC 6238, 5.2: "The verifier MUST NOT accept the second attempt of the OTP".
 */
import { randomInt } from 'node:crypto'
import { PushError } from '@roost/protocol'
import { Secret, TOTP } from 'otpauth'
import type { Seal } from '../credentials/seal.ts'
import type { Queryable } from '../store/database.ts'
import { hashToken } from './tokens.ts'

const STEP_S = 30
const DRIFT_STEPS = 1
const SECRET_BYTES = 20
const RECOVERY_CODES = 10
/** No letters and digits that people confuse; twelve of them are 60 bits. */
const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'

interface Key {
  readonly personId: number
  readonly seal: Seal
}

const sealedAs = (personId: number) => `second factor of person ${personId}`

function totpOf(secret: Secret, name = 'Roost'): TOTP {
  return new TOTP({ issuer: 'Roost', label: name, secret, algorithm: 'SHA1', digits: 6, period: STEP_S })
}

/** Nothing is asked for until it was confirmed. Throws `second_factor_state` when one is on. */
export async function beginFactor(
  db: Queryable,
  { personId, seal, name }: Key & { readonly name: string },
): Promise<{ readonly secret: string; readonly uri: string }> {
  const secret = new Secret({ size: SECRET_BYTES })
  const { rowCount } = await db.query(
    'update person set factor_sealed = $2, factor_step = null where id = $1 and not has_factor',
    [personId, seal.close(sealedAs(personId), secret.base32)],
  )
  if (rowCount === 0) throw new PushError('second_factor_state', 'a second factor is on')
  return { secret: secret.base32, uri: totpOf(secret, name).toString() }
}

/** Returns recovery codes, which are stored by their hashes. Throws `second_factor_state`, `sign_in_refused`. */
export async function confirmFactor(
  tx: Queryable,
  { code, at, ...key }: Key & { readonly code: string; readonly at: number },
): Promise<string[]> {
  const { rows } = await tx.query<{ hasFactor: boolean; sealed: Buffer | null }>(
    'select has_factor as "hasFactor", factor_sealed as sealed from person where id = $1 for update',
    [key.personId],
  )
  if (rows[0]?.hasFactor !== false || rows[0].sealed === null)
    throw new PushError('second_factor_state', 'no second factor waits to be confirmed')
  if (!(await takesTotp(tx, { ...key, code, at }))) throw wrongCode()
  await tx.query('update person set has_factor = true where id = $1', [key.personId])
  return makeRecoveryCodes(tx, key.personId)
}

async function makeRecoveryCodes(tx: Queryable, personId: number): Promise<string[]> {
  const codes = Array.from({ length: RECOVERY_CODES }, newRecoveryCode)
  await tx.query('delete from recovery_code where person_id = $1', [personId])
  await tx.query('insert into recovery_code (person_id, hash) select $1, unnest($2::bytea[])', [
    personId,
    codes.map(hashOf),
  ])
  return codes
}

function newRecoveryCode(): string {
  const part = () => Array.from({ length: 4 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
  return `${part()}-${part()}-${part()}`
}

function hashOf(code: string): Buffer {
  return hashToken(code.toUpperCase().replaceAll(/[\s-]/g, ''))
}

/** A right code is used up. Throws `sign_in_refused`. */
export async function requireFactor(
  tx: Queryable,
  { code, at, ...key }: Key & { readonly code: string; readonly at: number },
): Promise<void> {
  const isDigits = /^\d{6}$/.test(code.replaceAll(' ', ''))
  const isRight = isDigits
    ? await takesTotp(tx, { ...key, code: code.replaceAll(' ', ''), at })
    : await takesRecoveryCode(tx, key.personId, code)
  if (!isRight) throw wrongCode()
}

function wrongCode(): PushError {
  return new PushError('sign_in_refused', 'the one-time code is wrong, too old, or was used before')
}

async function takesTotp(
  tx: Queryable,
  { personId, seal, code, at }: Key & { readonly code: string; readonly at: number },
): Promise<boolean> {
  const { rows } = await tx.query<{ sealed: Buffer | null }>(
    'select factor_sealed as sealed from person where id = $1',
    [personId],
  )
  const sealed = rows[0]?.sealed ?? null
  if (sealed === null) return false
  const secret = Secret.fromBase32(seal.open(sealedAs(personId), sealed))
  const drift = totpOf(secret).validate({ token: code, timestamp: at, window: DRIFT_STEPS })
  if (drift === null) return false
  const { rowCount } = await tx.query(
    'update person set factor_step = $2 where id = $1 and (factor_step is null or factor_step < $2)',
    [personId, Math.floor(at / 1000 / STEP_S) + drift],
  )
  return rowCount === 1
}

async function takesRecoveryCode(tx: Queryable, personId: number, code: string): Promise<boolean> {
  const { rowCount } = await tx.query('delete from recovery_code where person_id = $1 and hash = $2', [
    personId,
    hashOf(code),
  ])
  return rowCount === 1
}

export async function countRecoveryCodes(db: Queryable, personId: number): Promise<number> {
  const { rows } = await db.query<{ left: number }>(
    'select count(*)::integer as left from recovery_code where person_id = $1',
    [personId],
  )
  return rows[0]?.left ?? 0
}

/** Also one that waits to be confirmed. */
export async function removeFactor(tx: Queryable, personId: number): Promise<void> {
  await tx.query(
    'update person set has_factor = false, factor_sealed = null, factor_step = null where id = $1',
    [personId],
  )
  await tx.query('delete from recovery_code where person_id = $1', [personId])
}
