/**
 * Libraries that many use to send, as clients of the simulator. They were written against the real services, so that
 * they understand its answers is the proof that it is faithful; and what they say was accepted is what it counted.
 */
import { createECDH } from 'node:crypto'
import { type Simulator, startSimulator } from '@roost/simulator'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { askPeer, PEERS } from './support/peers.ts'

const BUNDLE_ID = 'com.example.peers'
const OTHER_BUNDLE_ID = 'com.example.other'
const NAMES = ['api.push.apple.com', 'fcm.googleapis.com', 'oauth2.googleapis.com']
const MANY = 200

/** A request of a peer, and what its own code then says. */
interface Case<S> {
  readonly send: S
  readonly said: unknown
}

let simulator: Simulator

describe.skipIf(PEERS === '')('a library understands the simulator:', () => {
  beforeEach(async () => {
    simulator = await startSimulator({ names: NAMES })
  })

  afterEach(async () => {
    await simulator.close()
  })

  describe.each(['apns2', 'node-apn'] as const)('%s', name => {
    test('tells accepted, dead, unknown, misdirected and oversized pushes apart', async () => {
      const key = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
      const diedAt = new Date('2026-10-01T08:00:00Z')
      const [live, dead] = [issueToken(), issueToken()]
      simulator.apns.killToken(dead, { since: diedAt })
      const sandbox = simulator.apns.issueToken({ bundleId: BUNDLE_ID, environment: 'sandbox' })
      const other = simulator.apns.issueToken({ bundleId: OTHER_BUNDLE_ID })
      const cases: Case<ApnsSend>[] = [
        { send: { token: live }, said: 'accepted' },
        {
          send: { token: dead },
          said: { statusCode: 410, reason: 'Unregistered', timestamp: diedAt.getTime() },
        },
        { send: { token: 'ab'.repeat(32) }, said: refusal(400, 'BadDeviceToken') },
        { send: { token: sandbox }, said: refusal(400, 'BadDeviceToken') },
        { send: { token: other }, said: refusal(400, 'DeviceTokenNotForTopic') },
        { send: { token: live, topic: 'no topic!' }, said: refusal(400, 'BadTopic') },
        { send: { token: live, alert: 'x'.repeat(4097) }, said: refusal(413, 'PayloadTooLarge') },
      ]
      const answers = await sendToApns(name, { good: key }, cases)
      expect(answers).toEqual(cases.map(({ said }) => said))
      expect(simulator.counts().apns).toMatchObject({ accepted: 1, requests: cases.length })
      expect(simulator.pushes({ token: live })).toMatchObject([{ payload: { aps: { alert: 'Hello' } } }])
    })

    test('tells one wrong key from another', async () => {
      const key = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
      const stranger = simulator.apns.createTeamKey({ bundleId: OTHER_BUNDLE_ID })
      const revoked = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
      simulator.apns.revokeKey(revoked.keyId)
      const sandbox = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID, environments: ['sandbox'] })
      const keys = { good: key, forged: { ...key, p8: stranger.p8 }, stranger, revoked, sandbox }
      const token = issueToken()
      const cases: Case<ApnsSend>[] = [
        { send: { token, key: 'good' }, said: 'accepted' },
        { send: { token, key: 'forged' }, said: refusal(403, 'InvalidProviderToken') },
        { send: { token, key: 'stranger' }, said: refusal(403, 'InvalidProviderToken') },
        { send: { token, key: 'revoked' }, said: refusal(403, 'InvalidProviderToken') },
        { send: { token, key: 'sandbox' }, said: refusal(403, 'BadEnvironmentKeyInToken') },
      ]
      expect(await sendToApns(name, keys, cases)).toEqual(cases.map(({ said }) => said))
      expect(simulator.counts().apns).toMatchObject({ accepted: 1, requests: cases.length })
    })

    test('says that as many were accepted as the simulator counted', async () => {
      const key = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
      const many = Array.from({ length: MANY }, issueToken)
      for (const token of many.slice(0, MANY / 4)) simulator.apns.killToken(token)
      // A burst on a new connection is refused but for one stream, of Apple as well; node-apn does not repeat the rest.
      const first: Case<ApnsSend> = { send: { token: issueToken() }, said: 'accepted' }
      const { answers, manyAccepted } = await askApnsPeer(name, { good: key }, [first], many)
      expect(answers).toEqual([first.said])
      expect(manyAccepted).toBe((MANY / 4) * 3)
      expect(simulator.counts().apns).toMatchObject({
        accepted: answers.length + manyAccepted,
        refused: { Unregistered: MANY / 4 },
      })
    })
  })

  test('node-apn pushes with a certificate, and sees that one is revoked, by GOAWAY or by 403', async () => {
    const good = await simulator.apns.createCertificate({ bundleId: BUNDLE_ID })
    const revoked = await simulator.apns.createCertificate({ bundleId: BUNDLE_ID })
    simulator.apns.revokeCertificate(revoked)
    const [live, dead] = [issueToken(), issueToken()]
    simulator.apns.killToken(dead, { hasTimestamp: false })
    const turnedAway: Case<ApnsSend> = {
      send: { token: live, key: 'revoked' },
      said: { problem: expect.stringContaining('NGHTTP2_REFUSED_STREAM') },
    }
    const cases: Case<ApnsSend>[] = [
      { send: { token: live }, said: 'accepted' },
      { send: { token: dead }, said: refusal(410, 'Unregistered') },
      { send: { token: live, topic: OTHER_BUNDLE_ID }, said: refusal(400, 'TopicDisallowed') },
      turnedAway,
    ]
    const credentials = {
      good: { cert: good.certPem, key: good.keyPem },
      revoked: { cert: revoked.certPem, key: revoked.keyPem },
    }
    expect(await sendToApns('node-apn', credentials, cases)).toEqual(cases.map(({ said }) => said))
    simulator.apns.configure({ refusesCertificates: 'answer' })
    const answered = await sendToApns('node-apn', credentials, [turnedAway])
    expect(answered).toEqual([refusal(403, 'BadCertificate')])
    expect(simulator.counts().apns).toMatchObject({ accepted: 1 })
  })

  describe('firebase-admin', () => {
    test('tells accepted, dead, malformed, foreign and oversized messages of one call apart', async () => {
      const { projectId, serviceAccount } = await simulator.fcm.createProject()
      const foreign = await simulator.fcm.createProject()
      const [live, dead] = [issueRegistration(projectId), issueRegistration(projectId)]
      const fid = simulator.fcm.issueToken({ projectId, kind: 'fid' })
      const iphone = simulator.fcm.issueToken({ projectId, platform: 'ios' })
      for (const token of [dead, fid, iphone]) simulator.fcm.killToken(token)
      const notification = { title: 'Hello', body: 'How are you?' }
      const data = { p: 'hash-1' }
      const accepted = expect.stringMatching(new RegExp(`^projects/${projectId}/messages/`))
      const cases: Case<FcmMessage>[] = [
        { send: { token: live, notification, data }, said: accepted },
        { send: { token: dead, notification }, said: code('messaging/registration-token-not-registered') },
        { send: { fid, notification }, said: code('messaging/installation-id-not-registered') },
        { send: { token: 'no token', notification }, said: code('messaging/invalid-argument') },
        {
          send: { token: issueRegistration(foreign.projectId), notification },
          said: code('messaging/mismatched-credential'),
        },
        // The library takes this death for a mistake of ours: Google's newer form of it is ambiguous.
        { send: { token: iphone, notification }, said: code('messaging/invalid-argument') },
        { send: { token: live, data: { text: 'x'.repeat(4097) } }, said: code('messaging/invalid-argument') },
      ]
      const many = Array.from({ length: MANY }, () => ({ token: issueRegistration(projectId), notification }))
      const { each, successCount } = await askFirebase({
        accounts: { good: serviceAccount },
        single: [],
        each: [...cases.map(({ send }) => send), ...many],
      })
      expect(each.slice(0, cases.length)).toEqual(cases.map(({ said }) => said))
      expect(successCount).toBe(1 + MANY)
      expect(simulator.counts().fcm).toMatchObject({ accepted: successCount, requests: cases.length + MANY })
      expect(simulator.acceptedFor('hash-1').tokens).toEqual(new Set([live]))
    })

    test('tells a wrong account, a wrong project and a used-up quota apart, and tries out without a push', async () => {
      const good = await simulator.fcm.createProject()
      const disabled = await simulator.fcm.createProject()
      simulator.fcm.disableServiceAccount(disabled.serviceAccount)
      const limited = await simulator.fcm.createProject()
      simulator.fcm.limitMessages({ projectId: limited.projectId, perMinute: 0, retryAfter: '90' })
      const strayed = { ...good.serviceAccount, project_id: limited.projectId }
      const notification = { title: 'Hello' }
      const message = { token: issueRegistration(good.projectId), notification }
      const elsewhere = { token: issueRegistration(limited.projectId), notification }
      const accepted = expect.stringContaining(good.projectId)
      const cases: Case<FcmCall>[] = [
        { send: { account: 'good', message }, said: accepted },
        { send: { account: 'good', message, dryRun: true }, said: accepted },
        { send: { account: 'disabled', message }, said: code('app/invalid-credential') },
        { send: { account: 'strayed', message: elsewhere }, said: code('messaging/mismatched-credential') },
        { send: { account: 'limited', message: elsewhere }, said: code('messaging/message-rate-exceeded') },
      ]
      const { single } = await askFirebase({
        accounts: {
          good: good.serviceAccount,
          disabled: disabled.serviceAccount,
          strayed,
          limited: limited.serviceAccount,
        },
        single: cases.map(({ send }) => send),
        each: [],
      })
      expect(single).toEqual(cases.map(({ said }) => said))
      expect(simulator.counts().fcm).toMatchObject({ accepted: 1 })
    })
  })

  describe.each([
    { service: 'autopush', mismatch: 401 },
    { service: 'google', mismatch: 403 },
    { service: 'windows', mismatch: 401 },
    { service: 'apple', mismatch: 400 },
  ] as const)('web-push at $service', ({ service, mismatch }) => {
    test('encrypts what the browser reads, and tells dead, unknown, refused and oversized pushes apart', async () => {
      const [mine, others] = [createVapidKeys(), createVapidKeys()]
      const subscribe = (): PushSubscription => {
        const { publicKey: applicationServerKey } = mine
        const { endpoint, ...keys } = simulator.webPush.createSubscription({ applicationServerKey, service })
        return { endpoint, keys }
      }
      const [live, gone] = [subscribe(), subscribe()]
      simulator.webPush.dropSubscription(gone.endpoint)
      const unknown = { ...live, endpoint: `${live.endpoint}x` }
      const payload = '{"title":"Grüezi 👋"}'
      const options = { TTL: 60, topic: 'news', urgency: 'high' }
      const cases: Case<WebPushSend>[] = [
        { send: { subscription: live, key: 'mine', payload, options }, said: { statusCode: 201 } },
        { send: { subscription: gone, key: 'mine', payload }, said: { statusCode: 410 } },
        { send: { subscription: unknown, key: 'mine', payload }, said: { statusCode: 404 } },
        { send: { subscription: live, key: 'others', payload }, said: { statusCode: mismatch } },
        { send: { subscription: live, key: 'mine', payload: 'x'.repeat(6000) }, said: { statusCode: 413 } },
      ]
      const answers = await askPeer<unknown[]>({
        name: 'web-push',
        job: { keys: { mine, others }, sends: cases.map(({ send }) => send) },
        names: {},
        caPem: simulator.caPem,
      })
      expect(answers).toEqual(cases.map(({ said }) => said))
      expect(simulator.counts().webPush).toMatchObject({ accepted: 1, requests: cases.length })
      expect(simulator.pushes({ token: live.endpoint })).toMatchObject([
        {
          payload: { title: 'Grüezi 👋' },
          ttlSeconds: 60,
          collapseKey: 'news',
          headers: { urgency: 'high' },
        },
      ])
    })
  })
})

interface ApnsSend {
  readonly token: string
  /** Default `good`. */
  readonly key?: string
  /** Default Hello. */
  readonly alert?: string
  /** Default the bundle id of the test. */
  readonly topic?: string
}

interface ApnsAnswers {
  readonly answers: readonly unknown[]
  readonly manyAccepted: number
}

interface FcmMessage {
  readonly token?: string
  readonly fid?: string
  readonly notification?: object
  readonly data?: Readonly<Record<string, string>>
}

interface FcmCall {
  readonly account: string
  readonly message: FcmMessage
  readonly dryRun?: boolean
}

interface FirebaseJob {
  readonly accounts: Readonly<Record<string, object>>
  readonly single: readonly FcmCall[]
  readonly each: readonly FcmMessage[]
}

interface FirebaseAnswers {
  readonly single: readonly unknown[]
  readonly each: readonly unknown[]
  readonly successCount: number
}

/** As `PushSubscription.toJSON()` of a browser gives it. */
interface PushSubscription {
  readonly endpoint: string
  readonly keys: { readonly p256dh: string; readonly auth: string }
}

interface WebPushSend {
  readonly subscription: PushSubscription
  readonly key: 'mine' | 'others'
  readonly payload: string
  readonly options?: object
}

async function sendToApns(
  name: 'apns2' | 'node-apn',
  keys: Readonly<Record<string, object>>,
  cases: readonly Case<ApnsSend>[],
): Promise<readonly unknown[]> {
  const { answers } = await askApnsPeer(name, keys, cases, [])
  return answers
}

function askApnsPeer(
  name: 'apns2' | 'node-apn',
  keys: Readonly<Record<string, object>>,
  cases: readonly Case<ApnsSend>[],
  many: readonly string[],
): Promise<ApnsAnswers> {
  const sends = cases.map(({ send }) => ({ key: 'good', alert: 'Hello', topic: BUNDLE_ID, ...send }))
  return askPeer({
    name,
    job: { topic: BUNDLE_ID, keys, sends, many },
    names: { 'api.push.apple.com': simulator.urls.apnsProduction },
    caPem: simulator.caPem,
  })
}

function askFirebase(job: FirebaseJob): Promise<FirebaseAnswers> {
  const { fcm, googleToken } = simulator.urls
  return askPeer({
    name: 'firebase-admin',
    job,
    names: { 'fcm.googleapis.com': fcm, 'oauth2.googleapis.com': googleToken },
    caPem: simulator.caPem,
  })
}

function issueToken(): string {
  return simulator.apns.issueToken({ bundleId: BUNDLE_ID })
}

function issueRegistration(projectId: string): string {
  return simulator.fcm.issueToken({ projectId })
}

function refusal(statusCode: number, reason: string): object {
  return { statusCode, reason }
}

function code(expected: string): object {
  return { code: expected }
}

function createVapidKeys(): { readonly publicKey: string; readonly privateKey: string } {
  const ecdh = createECDH('prime256v1')
  const publicKey = ecdh.generateKeys('base64url')
  const scalar = ecdh.getPrivateKey() // without its leading zeros, one time in 256
  const privateKey = Buffer.concat([Buffer.alloc(32 - scalar.length), scalar]).toString('base64url')
  return { publicKey, privateKey }
}
