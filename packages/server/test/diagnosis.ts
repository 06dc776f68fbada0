/**
 * Apps, devices and messages to be diagnosed: each app has gateways of its own in the stand-ins, so what is done to one (a key that is
 * revoked, a wave of refusals) is no other's trouble.
 */
import type {
  DeviceDiagnosis,
  DiagnosisRequest,
  DiagnosisView,
  MessageView,
  NewMessage,
} from '@roost/protocol'
import { type CompatBody, SERVER_TOKEN, type TestRoost } from './roost.ts'

const BUNDLE_ID = 'com.example.diagnosed'
const DEVICE_TYPES = { ios: 1, android: 3, web: 11, huawei: 17 } as const
export type Kind = keyof typeof DEVICE_TYPES

export interface PatientOptions {
  /** Credentials that the app gets beside the VAPID key that each new app has; default all. */
  readonly gateways?: readonly Exclude<Kind, 'web'>[]
  /** Instead of a key for both of Apple's environments. */
  readonly apns?: Readonly<Record<string, unknown>>
}

export interface Registered {
  readonly hwid: string
  readonly token: string
  /** As it was told in the registration, with the keys of a browser. */
  readonly told: Readonly<Record<string, unknown>>
}

let count = 0

/** An app, and what a diagnosis says of its devices. */
export class Patient {
  readonly roost: TestRoost
  readonly app: string
  readonly deviceToken: string
  readonly projectId: string
  readonly huaweiAppId: string
  readonly bundleId: string
  vapidKey = ''

  private constructor(
    roost: TestRoost,
    own: Pick<Patient, 'app' | 'deviceToken' | 'projectId' | 'huaweiAppId' | 'bundleId'>,
  ) {
    this.roost = roost
    this.app = own.app
    this.deviceToken = own.deviceToken
    this.projectId = own.projectId
    this.huaweiAppId = own.huaweiAppId
    this.bundleId = own.bundleId
  }

  static async open(roost: TestRoost, { gateways, apns }: PatientOptions = {}): Promise<Patient> {
    const { simulator } = roost
    const { body } = await roost.rest<{ code: string; deviceToken: string }>('POST', '/v1/apps', {
      name: `Patient ${++count}`,
    })
    const bundleId = `${BUNDLE_ID}${count}`
    const project = await simulator.fcm.createProject()
    const huawei = simulator.hms.createApp()
    const patient = new Patient(roost, {
      app: body.code,
      deviceToken: body.deviceToken,
      projectId: project.projectId,
      huaweiAppId: huawei.appId,
      bundleId,
    })
    patient.vapidKey = String((await patient.credential('webpush')).settings.publicKey)
    const uploads: Readonly<Record<Exclude<Kind, 'web'>, () => Record<string, unknown>>> = {
      ios: () => apns ?? { gateway: 'apns', kind: 'p8', ...simulator.apns.createTeamKey({ bundleId }) },
      android: () => ({ gateway: 'fcm', kind: 'service-account', serviceAccount: project.serviceAccount }),
      huawei: () => ({ gateway: 'hms', kind: 'client', ...huawei }),
    }
    for (const kind of gateways ?? (['ios', 'android', 'huawei'] as const))
      await patient.upload(uploads[kind]())
    return patient
  }

  /** The oldest one of a gateway. */
  async credential(
    gateway: string,
  ): Promise<{ readonly id: string; readonly settings: Readonly<Record<string, string>> }> {
    const { body } = await this.rest<{
      credentials: { id: string; gateway: string; settings: Record<string, string> }[]
    }>('GET', '/credentials')
    const found = body.credentials.find(it => it.gateway === gateway)
    if (found === undefined) throw new Error(`the app has no credential for ${gateway}`)
    return found
  }

  /** From now on Apple refuses the app's key. */
  async revokeKey(): Promise<void> {
    const { settings } = await this.credential('apns')
    this.roost.simulator.apns.revokeKey(settings.keyId ?? '')
  }

  /** Returns the credential's id. */
  async upload(credential: Record<string, unknown>): Promise<string> {
    const { status, body } = await this.rest<{ id: string }>('POST', '/credentials', credential)
    if (status !== 201) throw new Error(JSON.stringify(body))
    return body.id
  }

  /** Below the app; an answer without a body has null. */
  async rest<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly body: T }> {
    const response = await fetch(`${this.roost.url}/v1/apps/${this.app}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${SERVER_TOKEN}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as T }
  }

  /** A call of the device protocol; its answer, whatever it is. */
  async device(method: string, fields: Record<string, unknown>): Promise<CompatBody> {
    const response = await fetch(`${this.roost.url}/json/1.3/${method}`, {
      method: 'POST',
      headers: { authorization: `Token ${this.deviceToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ request: { application: this.app, ...fields } }),
    })
    return (await response.json()) as CompatBody
  }

  /** A token of the stand-in of its gateway. */
  newToken(
    kind: Kind,
    options: { readonly bundleId?: string; readonly environment?: 'production' | 'sandbox' } = {},
  ): {
    readonly push_token: string
    readonly public_key?: string
    readonly auth_token?: string
  } {
    const { apns, fcm, hms, webPush } = this.roost.simulator
    const { bundleId = this.bundleId, environment = 'production' } = options
    if (kind === 'ios') return { push_token: apns.issueToken({ bundleId, environment }) }
    if (kind === 'android') return { push_token: fcm.issueToken({ projectId: this.projectId }) }
    if (kind === 'huawei') return { push_token: hms.issueToken({ appId: this.huaweiAppId }) }
    const { endpoint, p256dh, auth } = webPush.createSubscription({ applicationServerKey: this.vapidKey })
    return { push_token: endpoint, public_key: p256dh, auth_token: auth }
  }

  /** Registers a new device, with a token unless `fields` has one (null: none). */
  async register(kind: Kind, fields: Record<string, unknown> = {}): Promise<Registered> {
    const hwid = `hwid-${++count}`
    const { push_token, public_key, auth_token, ...others } = fields
    const told =
      push_token === undefined ? this.newToken(kind) : withoutNull({ push_token, public_key, auth_token })
    await this.call('registerDevice', { hwid, device_type: DEVICE_TYPES[kind], ...told, ...others })
    return { hwid, token: String(told.push_token ?? ''), told }
  }

  async call(method: string, fields: Record<string, unknown>): Promise<void> {
    const answer = await this.device(method, fields)
    if (answer.status_code !== 200) throw new Error(`${method}: ${JSON.stringify(answer)}`)
  }

  async send(message: Partial<NewMessage> & Pick<NewMessage, 'to'>): Promise<string> {
    const { status, body } = await this.rest<{ id: string }>('POST', '/messages', {
      content: { title: 'Hello' },
      ...message,
    })
    if (status !== 202) throw new Error(JSON.stringify(body))
    return body.id
  }

  async until(id: string, isWanted: (message: MessageView) => boolean): Promise<void> {
    for (const end = Date.now() + 20_000; Date.now() < end; await new Promise(go => setTimeout(go, 10))) {
      const { body } = await this.rest<MessageView>('GET', `/messages/${id}`)
      if (isWanted(body)) return
    }
    throw new Error(`message ${id} did not come to be as wanted`)
  }

  /** Sends it and waits until it is done. */
  async sent(message: Partial<NewMessage> & Pick<NewMessage, 'to'>): Promise<string> {
    const id = await this.send(message)
    await this.until(id, it => it.state === 'done')
    return id
  }

  async ask(request: DiagnosisRequest): Promise<DiagnosisView> {
    const { status, body } = await this.rest<DiagnosisView>('POST', '/diagnose', request)
    if (status !== 200) throw new Error(JSON.stringify(body))
    return body
  }

  /** Of a device that the app knows. */
  async of({ hwid }: { readonly hwid: string }, message?: string): Promise<DeviceDiagnosis> {
    const { devices } = await this.ask({ device: hwid, ...(message !== undefined && { message }) })
    const [only] = devices
    if (only === undefined || devices.length > 1) throw new Error(`${devices.length} devices are ${hwid}`)
    return only
  }
}

function withoutNull(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== undefined),
  )
}

/** What is named first: "proven DX-45.denied"; nothing: "nothing". */
export function first({ findings }: Pick<DeviceDiagnosis, 'findings'>): string {
  const [it] = findings
  return it === undefined ? 'nothing' : `${it.verdict} ${it.message.key}`
}

/** All of them, in their order. */
export function all({ findings }: Pick<DeviceDiagnosis, 'findings'>): string[] {
  return findings.map(it => `${it.verdict} ${it.message.key}`)
}
