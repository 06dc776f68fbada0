/**
 * A phone that was opened by the code of an invitation says how far it came, so that whoever shows the code sees it: `take` the code, then
 * `report` permission, token and upload, each done or with its error. It is beside the way: whatever becomes of it, the app goes on as ever.
 */
import type { Transport } from './client.ts'

const TIMEOUT_MS = 15_000
/** The server sends the test push before it answers to "upload". */
const UPLOAD_TIMEOUT_MS = 40_000

export type InvitedStep = 'permission' | 'token' | 'upload'

export interface StepError {
  /** 64 characters at most. */
  readonly code: string
  readonly message?: string
}

export interface InvitedDevice {
  readonly baseUrl: string
  readonly application: string
  readonly hwid: string
}

/** Undefined when the code is not known any more, or another phone's. */
export async function takeInvitation(
  transport: Transport,
  { baseUrl, application, hwid }: InvitedDevice,
  code: string,
): Promise<string | undefined> {
  const { ticket } = await post(transport, `${baseUrl}/v1/test-invitations/take`, { code, application, hwid })
  return typeof ticket === 'string' ? ticket : undefined
}

export interface Report {
  readonly ticket: string
  readonly step: InvitedStep
  /** With `upload`: what was handed in, which proves that the hwid is this device's own. */
  readonly token?: string
  readonly error?: StepError
}

export async function reportStep(transport: Transport, baseUrl: string, report: Report): Promise<void> {
  await post(transport, `${baseUrl}/v1/test-invitations/report`, { ...report })
}

async function post(
  transport: Transport,
  url: string,
  body: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const timeoutMs = body.step === 'upload' ? UPLOAD_TIMEOUT_MS : TIMEOUT_MS
  const headers = { 'content-type': 'application/json' }
  try {
    const answer = await transport({ url, headers, body: JSON.stringify(body), timeoutMs })
    return answer.status === 200 ? JSON.parse(answer.body) : {}
  } catch {
    return {} // no network, or a proxy's page
  }
}
