/**
 * Registration: a device tells who it is and, when it has one, what its address is; or that it wants to be left alone.
 *
 * Requests that arrive together share one transaction (`MicroBatch`), and each is answered only after its
 * commit. Rules, by their numbers in docs/token-life.md:
 * R0 repeating it changes nothing but the clock · R2 a new address replaces the old one · R3 an address belongs
 * to the device that registered it last · R5 a call that a later one of its device has overtaken changes nothing ·
 * R6 registering revives whatever the state was.
 *
 * Rows are locked in the order of lock-order.ts; the addresses of former holders together with those of the devices
 * themselves.
 */
import { randomUUID } from 'node:crypto'
import type { Permission } from '@roost/protocol'
import { findShared, noteMoves } from '../../hygiene/flapping.ts'
import { reviveOpened } from '../../hygiene/revival.ts'
import type { Database, Queryable } from '../../store/database.ts'
import { MicroBatch } from '../../store/micro-batch.ts'
import { byDirectoryKey, type DeviceKey } from '../lock-order.ts'
import { giveTypes } from '../tags/definitions.ts'
import { applyTagOperations } from '../tags/operations.ts'
import { refusedTags } from '../tags/tags.ts'
import {
  endAddresses,
  groupByDevice,
  type HeldAddress,
  lockAddresses,
  registerAddresses,
} from './addresses.ts'
import { correctedEnvironments } from './corrected.ts'
import { logOut, upsertDevices } from './devices.ts'
import { type Move, moveAway, takeAddresses } from './holders.ts'
import {
  keyOf,
  keyOfDevice,
  latest,
  nameOf,
  nameOfDevice,
  type Registration,
  registrationOf,
} from './keys.ts'
import { inheritOptOut, isDenied, optOut } from './permission.ts'
import { storePlain } from './plain.ts'
import type { DeviceUpdate, UpdateResult } from './update.ts'

/** More per statement gains nothing (measured: 90–110 thousand rows/s from 500 on). */
const MAX_BATCH = 500
/** Below it a second statement costs more than what working beside the database gains. */
const BESIDE_FROM = 100

export class Registrations {
  readonly #batch: MicroBatch<DeviceUpdate, UpdateResult>

  constructor(db: Database) {
    this.#batch = new MicroBatch({
      maxSize: MAX_BATCH,
      besideFrom: BESIDE_FROM,
      keysOf,
      run: items => store(db, items),
    })
  }

  /** Resolves after the commit. Safe to repeat. */
  async apply(update: DeviceUpdate): Promise<UpdateResult> {
    return this.#batch.add(update)
  }

  settled(): Promise<void> {
    return this.#batch.settled()
  }
}

function keysOf(update: DeviceUpdate): string[] {
  const device = `d ${update.appId} ${update.hwid}`
  if (update.address === null) return [device]
  const { provider, environment, kind, address } = update.address
  return [device, `a ${update.appId} ${provider} ${environment} ${kind} ${address}`] // a hash would cost more
}

const NOTHING_NEW: UpdateResult = { isStale: false, newHwid: null, skipped: [] }

/** What is plain has a commit of its own; when the others fail after it, repeating it changes nothing (R0). */
async function store(db: Database, asked: readonly DeviceUpdate[]): Promise<UpdateResult[]> {
  const left = await storePlain(db, asked)
  const results = new Map(left.length === 0 ? [] : await db.transaction(tx => storeChanges(tx, left)))
  await reviveOpened(db, asked.filter(isPlainOpen))
  return asked.map(it => results.get(it) ?? NOTHING_NEW)
}

/** One that brings its address along registers it. */
function isPlainOpen({ isOpen, address }: DeviceUpdate): boolean {
  return isOpen && address?.kind !== 'alert'
}

async function storeChanges(
  tx: Queryable,
  asked: readonly DeviceUpdate[],
): Promise<[DeviceUpdate, UpdateResult][]> {
  const { updates, skipped } = await giveTypes(tx, asked)
  const devices = await upsertDevices(tx, updates)
  const fresh = updates.filter((_, i) => devices[i]?.isStale === false)
  const refused = await applyTagOperations(tx, fresh)
  const shared = await storeAddresses(
    tx,
    fresh,
    new Map(updates.map((it, i) => [it, devices[i]?.permission ?? null])),
  )
  return updates.map((update, i) => [
    asked[i] as DeviceUpdate,
    {
      isStale: devices[i]?.isStale ?? false,
      newHwid: shared.get(nameOfDevice(update)) ?? null,
      skipped: [
        ...(skipped[i] ?? []),
        ...(devices[i]?.areTagsRefused === true ? refusedTags(Object.keys(update.tags ?? {})) : []),
        ...(refused.get(update) ?? []),
      ],
    },
  ])
}

/** `permissions`: what is known of each device after this call. Returns new hwids for devices that several phones are, by name. */
async function storeAddresses(
  tx: Queryable,
  fresh: readonly DeviceUpdate[],
  permissions: ReadonlyMap<DeviceUpdate, Permission | null>,
): Promise<ReadonlyMap<string, string>> {
  const logouts = fresh.filter(it => it.isLogout)
  if (logouts.length > 0) await logOut(tx, logouts)
  const registrations = (await correct(tx, fresh.flatMap(registrationOf))).sort(byDirectoryKey)
  const unregistrations = fresh.filter(it => it.isUnregister)
  const moves = registrations.length > 0 ? await takeAddresses(tx, registrations) : []
  if (moves.length > 0) await noteMoves(tx, moves, latest(registrations))
  const held = await lockAddresses(tx, [
    ...registrations.map(keyOf),
    ...moves,
    ...unregistrations.map(keyOfDevice),
    ...fresh.filter(it => it.permission !== null).map(keyOfDevice),
  ])
  if (moves.length > 0) await moveAway(tx, moves, latest(registrations))
  const heldOf = groupByDevice(held)
  const denying = new Set(
    (await inheritOptOut(tx, inheritorsOf(registrations, moves, heldOf))).map(nameOfDevice),
  )
  await registerAddresses(tx, registrations, heldOf)
  if (unregistrations.length > 0) await endAddresses(tx, unregistrations)
  const changed = fresh.flatMap(it =>
    permissionChangeOf(it, {
      held: heldOf.get(nameOfDevice(it)) ?? [],
      permission: denying.has(nameOfDevice(it)) ? 'denied' : (permissions.get(it) ?? null),
    }),
  )
  if (changed.length > 0) await optOut(tx, changed)
  const returned = registrations.filter(it => hasReturned(it, heldOf.get(nameOfDevice(it.update)) ?? []))
  if (returned.length === 0) return new Map()
  const shared = await findShared(tx, returned.map(keyOf), latest(returned))
  return new Map(shared.map(it => [nameOfDevice(it), randomUUID()]))
}

/** Devices that have taken the address of a device that was opted out. */
function inheritorsOf(
  registrations: readonly Registration[],
  moves: readonly Move[],
  heldOf: ReadonlyMap<string, readonly HeldAddress[]>,
): DeviceKey[] {
  const optedOut = moves.filter(move =>
    heldOf
      .get(nameOfDevice(move))
      ?.some(it => it.kind === 'alert' && it.isOptedOut && it.hash.equals(move.hash)),
  )
  if (optedOut.length === 0) return []
  const taken = new Set(optedOut.map(it => `${it.appId} ${it.hash.toString('hex')}`))
  return registrations.filter(it => taken.has(nameOf(it))).map(keyOf)
}

/** To an address that it had replaced before: once is a change of mind, again and again are two phones. */
function hasReturned({ hash }: Registration, held: readonly HeldAddress[]): boolean {
  return held.some(it => it.state === 'superseded' && it.kind === 'alert' && it.hash.equals(hash))
}

/** R26. Nearly all calls find it as it was, which costs no statement. */
function permissionChangeOf(
  update: DeviceUpdate,
  known: { readonly held: readonly HeldAddress[]; readonly permission: Permission | null },
): (DeviceKey & { readonly isOptedOut: boolean; readonly at: number })[] {
  if (update.address === null && update.permission === null) return []
  const isOptedOut = isDenied(known.permission)
  const isOther = known.held.some(it => it.kind === 'alert' && it.isOptedOut !== isOptedOut)
  const isNew = isOptedOut && update.address?.kind === 'alert'
  return isOther || isNew ? [{ ...keyOfDevice(update), isOptedOut, at: update.at }] : []
}

/** Two registrations of one address can't share a statement: the other one of a micro-batch stays as it was reported. */
async function correct(tx: Queryable, registrations: readonly Registration[]): Promise<Registration[]> {
  const ofApple = registrations.filter(it => it.address.provider === 'apns')
  if (ofApple.length === 0) return [...registrations]
  const registered = ofApple.map(({ update, hash, addressBucket }) => ({
    appId: update.appId,
    hash,
    addressBucket,
  }))
  const environments = await correctedEnvironments(tx, registered)
  const known = new Set(registrations.map(nameOf))
  const corrected = new Map<Registration, Registration>()
  for (const [i, environment] of environments) {
    const it = ofApple[i] as Registration
    const [now] = registrationOf({ ...it.update, address: { ...it.address, environment } })
    if (now === undefined || known.has(nameOf(now))) continue
    known.add(nameOf(now))
    corrected.set(it, now)
  }
  return registrations.map(it => corrected.get(it) ?? it)
}
