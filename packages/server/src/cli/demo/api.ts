/** The demo speaks to the server as any back end does: over REST. */
import type { DeviceSummary, LedgerEntry, MessageView, NewMessage } from '@roost/protocol'
import type { PlatformCounts } from '../../insight/overview/states.ts'
import type { ExceptionCount } from '../../messages/read.ts'
import { type Rest, restOf } from '../rest.ts'

export interface DeviceStats {
  readonly devices: number
  readonly reachable: number
  readonly byPlatform: readonly PlatformCounts[]
}

export class DemoApi {
  readonly #call: Rest

  constructor(baseUrl: string, token: string) {
    this.#call = restOf(baseUrl, token)
  }

  createApp(name: string): Promise<{ readonly code: string; readonly deviceToken: string }> {
    return this.#call('POST', '/v1/apps', { name })
  }

  async addCredential(app: string, credential: object): Promise<void> {
    await this.#call('POST', `/v1/apps/${app}/credentials`, credential)
  }

  send(app: string, message: NewMessage): Promise<{ readonly id: string }> {
    return this.#call('POST', `/v1/apps/${app}/messages`, message)
  }

  message(app: string, id: string): Promise<MessageView> {
    return this.#call('GET', `/v1/apps/${app}/messages/${id}`)
  }

  async exceptions(app: string, id: string): Promise<readonly ExceptionCount[]> {
    const answer = await this.#call<{ exceptions: ExceptionCount[] }>(
      'GET',
      `/v1/apps/${app}/messages/${id}/exceptions`,
    )
    return answer.exceptions
  }

  stats(app: string): Promise<DeviceStats> {
    return this.#call('GET', `/v1/apps/${app}/stats/devices?exact=true`)
  }

  async devices(app: string, state: string, limit: number): Promise<readonly DeviceSummary[]> {
    const answer = await this.#call<{ devices: DeviceSummary[] }>(
      'GET',
      `/v1/apps/${app}/devices?state=${state}&limit=${limit}`,
    )
    return answer.devices
  }

  async ledger(app: string, hwid: string): Promise<readonly LedgerEntry[]> {
    const answer = await this.#call<{ entries: LedgerEntry[] }>(
      'GET',
      `/v1/apps/${app}/devices/${encodeURIComponent(hwid)}/ledger`,
    )
    return answer.entries
  }
}
