/**
 * Kinds of signing keys and what a connection is bound to: one team, one key or the one related to it, and the list of
 * apps that the team had.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ApnsSender, BUNDLE_ID, reasonOf } from '../../test/apns-sender.ts'
import { type Simulator, startSimulator } from '../simulator.ts'
import type { TeamKey } from './team-keys.ts'

const OTHER_ID = 'com.example.other'
let now = 0
let simulator: Simulator
let sender: ApnsSender
let token: string

beforeEach(async () => {
  now = Date.parse('2026-11-01T12:00:00Z')
  simulator = await startSimulator({ clock: () => now })
  sender = new ApnsSender(simulator, () => now)
  token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
})

afterEach(async () => {
  sender.close()
  await simulator.close()
})

/** The reasons of pushes by these keys, in turn, on one connection; '' is accepted. */
async function pushBy(...keys: readonly TeamKey[]): Promise<string[]> {
  const session = sender.open()
  const reasons: string[] = []
  for (const key of keys)
    reasons.push(reasonOf(await sender.push(session, { token, headers: await sender.bearer(key) })))
  return reasons
}

function specificKey(bundleIds: readonly string[], relatedTo?: string): TeamKey {
  const related = relatedTo === undefined ? {} : { relatedTo }
  return simulator.apns.createTeamKey({
    bundleId: BUNDLE_ID,
    environments: ['production'],
    bundleIds,
    ...related,
  })
}

describe('topic-specific keys', () => {
  test('push to the topics that they list and to no other of the team', async () => {
    const { teamId } = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
    simulator.apns.addBundleId(teamId, OTHER_ID)
    const key = specificKey([OTHER_ID])
    expect(await pushBy(key)).toEqual(['TopicDisallowed'])
    expect(await pushBy(specificKey([OTHER_ID, BUNDLE_ID]))).toEqual([''])
  })

  test('share a connection with the key related to them, and with no other', async () => {
    const first = specificKey([BUNDLE_ID])
    const related = specificKey([BUNDLE_ID], first.keyId)
    const unrelated = specificKey([BUNDLE_ID])
    const scoped = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID, environments: ['production'] })
    expect(await pushBy(first, unrelated, related)).toEqual(['', 'UnrelatedKeyIdInToken', ''])
    expect(await pushBy(related, scoped, first)).toEqual(['', 'UnrelatedKeyIdInToken', ''])
  })

  test('have one related key at most, of the same team and environment', () => {
    const first = specificKey([BUNDLE_ID])
    const foreign = simulator.apns.createTeamKey({
      bundleId: OTHER_ID,
      bundleIds: [OTHER_ID],
      environments: ['sandbox'],
    })
    specificKey([BUNDLE_ID], first.keyId)
    expect(() => specificKey([BUNDLE_ID], first.keyId)).toThrow('related key already')
    expect(() => specificKey([BUNDLE_ID], foreign.keyId)).toThrow('no topic-specific key of this team')
  })

  test('list 400 topics at most', () => {
    const topics = Array.from({ length: 401 }, (_, i) => `com.example.app${i}`)
    expect(() => specificKey(topics)).toThrow('400 topics')
    expect(() => specificKey(topics.slice(1))).not.toThrow()
  })
})

describe('team-scoped keys', () => {
  test('are refused after one another and after a topic-specific one', async () => {
    const [first, second] = [0, 1].map(() =>
      simulator.apns.createTeamKey({ bundleId: BUNDLE_ID, environments: ['production'] }),
    ) as [TeamKey, TeamKey]
    const specific = specificKey([BUNDLE_ID])
    expect(await pushBy(first, second, specific)).toEqual([
      '',
      'UnrelatedKeyIdInToken',
      'UnrelatedKeyIdInToken',
    ])
  })

  test('are two in an environment; a revoked one makes room', () => {
    const create = () => simulator.apns.createTeamKey({ bundleId: BUNDLE_ID, environments: ['sandbox'] })
    const first = create()
    create()
    expect(create).toThrow('2 keys of this kind for sandbox')
    simulator.apns.revokeKey(first.keyId)
    expect(create).not.toThrow()
  })

  test('of the other environment are refused on a connection of this one, by the reason seen on the wire', async () => {
    const both = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
    const sandbox = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID, environments: ['sandbox'] })
    expect(await pushBy(both, sandbox, both)).toEqual(['', 'BadEnvironmentKeyInToken', ''])
  })
})

describe('a connection', () => {
  test('goes on with the apps that the team had at its first push', async () => {
    const key = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
    const headers = await sender.bearer(key)
    const old = sender.open()
    expect((await sender.push(old, { token, headers })).status).toBe(200)
    simulator.apns.addBundleId(key.teamId, OTHER_ID)
    const added = {
      token: simulator.apns.issueToken({ bundleId: OTHER_ID }),
      headers: { ...headers, 'apns-topic': OTHER_ID },
    }
    expect(reasonOf(await sender.push(old, added))).toBe('InvalidProviderToken')
    expect((await sender.push(sender.open(), added)).status).toBe(200)
    expect((await sender.push(old, { token, headers })).status).toBe(200)
  })

  test('belongs to one team, also after its app was handed over', async () => {
    const key = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
    const other = simulator.apns.createTeamKey({ bundleId: OTHER_ID })
    simulator.apns.addBundleId(other.teamId, BUNDLE_ID)
    expect(await pushBy(key)).toEqual(['InvalidProviderToken'])
    expect(await pushBy(other, key)).toEqual(['', 'Forbidden'])
  })
})

describe('the clock', () => {
  test('of the stand-in an hour ahead or behind makes good tokens old, or too new', async () => {
    const key = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
    simulator.setClockOffset(3_601_000)
    expect(await pushBy(key)).toEqual(['ExpiredProviderToken'])
    simulator.setClockOffset(-3_601_000)
    expect(await pushBy(key)).toEqual(['InvalidProviderToken'])
    simulator.setClockOffset(0)
    expect(await pushBy(key)).toEqual([''])
  })
})
