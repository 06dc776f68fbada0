/**
 * All stand-ins in one: Apple, Google, Huawei and the browsers' push services on loopback ports, under one authority.
 *
 * It is the independent judge of the gateway clients and shares no code with them.
 */
import { ApnsGateway } from './apns/gateway.ts'
import { createServerIdentity } from './authority.ts'
import type { ChromeUrls } from './chrome/service.ts'
import { FcmGateway } from './fcm/gateway.ts'
import { type AcceptedPush, Air, type PushFilter, type PushListener } from './gateway/air.ts'
import {
  type GatewayCounts,
  type GatewayName,
  type HashCounts,
  Tally,
  type ToldEnd,
} from './gateway/tally.ts'
import { HmsGateway } from './hms/gateway.ts'
import type { Random } from './randomness.ts'
import { WebPushGateway } from './web-push/gateway.ts'

/** Ports of the stand-ins; 0 or absent takes a free one. */
export interface SimulatorPorts {
  readonly apnsProduction?: number
  readonly apnsSandbox?: number
  readonly apnsManageProduction?: number
  readonly apnsManageSandbox?: number
  readonly fcm?: number
  readonly googleToken?: number
  readonly webPush?: number
  readonly browserPush?: number
  readonly windowsPush?: number
  readonly hms?: number
  readonly hmsToken?: number
  readonly chromeRegistration?: number
  readonly chromeStream?: number
}

export interface SimulatorOptions {
  /** Default 127.0.0.1. */
  readonly host?: string
  readonly ports?: SimulatorPorts
  /**
   * Hosts of the real services that a sender was told to find here, in its name resolution: the certificate carries
   * them, and Web Push takes them as audience. Default none.
   */
  readonly names?: readonly string[]
  /** Milliseconds since the epoch; default the system's clock. */
  readonly clock?: () => number
  /** For tokens, latency and the order of details; default `Math.random`. Keys are always drawn securely. */
  readonly random?: Random
}

export interface SimulatorUrls {
  readonly apnsProduction: string
  readonly apnsSandbox: string
  /** Where broadcast channels are managed. */
  readonly apnsManageProduction: string
  readonly apnsManageSandbox: string
  readonly fcm: string
  readonly googleToken: string
  /** Origin of all Web Push endpoints except Microsoft's. */
  readonly webPush: string
  /** For Firefox's preference `dom.push.serverURL`. */
  readonly browserPush: string
  /** Origin of the endpoints of Microsoft's service, over HTTP/1.1 alone. */
  readonly windowsPush: string
  readonly hms: string
  /** Of Huawei's OAuth endpoint, with its path. */
  readonly hmsToken: string
  /** For Chromium's switches `--gcm-…`. */
  readonly chrome: ChromeUrls
}

/** Starts all stand-ins; the caller closes what it gets. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = '127.0.0.1', ports = {}, names = [], random = Math.random } = options
  const time = new ShiftedClock(options.clock ?? Date.now)
  const clock = () => time.now()
  const identity = await createServerIdentity(host, names)
  const tally = new Tally()
  const air = new Air({ clock })
  const common = { host, identity, tally, air, clock, random }
  const gateways = {
    apns: new ApnsGateway({
      ...common,
      ports: {
        production: ports.apnsProduction ?? 0,
        sandbox: ports.apnsSandbox ?? 0,
        manageProduction: ports.apnsManageProduction ?? 0,
        manageSandbox: ports.apnsManageSandbox ?? 0,
      },
    }),
    fcm: new FcmGateway({ ...common, ports: { fcm: ports.fcm ?? 0, googleToken: ports.googleToken ?? 0 } }),
    webPush: new WebPushGateway({
      ...common,
      ports: {
        webPush: ports.webPush ?? 0,
        browserPush: ports.browserPush ?? 0,
        windowsPush: ports.windowsPush ?? 0,
        chromeRegistration: ports.chromeRegistration ?? 0,
        chromeStream: ports.chromeStream ?? 0,
      },
      names,
    }),
    hms: new HmsGateway({ ...common, ports: { hms: ports.hms ?? 0, hmsToken: ports.hmsToken ?? 0 } }),
  }
  const simulator = new Simulator({ ...gateways, caPem: identity.caPem, tally, air, time })
  // All have to have started or failed, or one would open its ports after the close.
  const starts = await Promise.allSettled(Object.values(gateways).map(gateway => gateway.start()))
  const failed = starts.find(start => start.status === 'rejected')
  if (failed === undefined) return simulator
  await simulator.close()
  throw failed.reason
}

interface Parts {
  readonly apns: ApnsGateway
  readonly fcm: FcmGateway
  readonly webPush: WebPushGateway
  readonly hms: HmsGateway
  readonly caPem: string
  readonly tally: Tally
  readonly air: Air
  readonly time: ShiftedClock
}

/** The stand-ins' own time: the clock that was passed in, and an offset that is a fault. */
class ShiftedClock {
  readonly #clock: () => number
  offsetMs = 0

  constructor(clock: () => number) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock() + this.offsetMs
  }
}

export class Simulator {
  readonly apns: ApnsGateway
  readonly fcm: FcmGateway
  readonly webPush: WebPushGateway
  readonly hms: HmsGateway
  /** The authority that signed the stand-ins' certificates. */
  readonly caPem: string
  readonly #tally: Tally
  readonly #air: Air
  readonly #time: ShiftedClock

  constructor(parts: Parts) {
    this.apns = parts.apns
    this.fcm = parts.fcm
    this.webPush = parts.webPush
    this.hms = parts.hms
    this.caPem = parts.caPem
    this.#tally = parts.tally
    this.#air = parts.air
    this.#time = parts.time
  }

  get urls(): SimulatorUrls {
    return {
      apnsProduction: this.apns.url('production'),
      apnsSandbox: this.apns.url('sandbox'),
      apnsManageProduction: this.apns.managementUrl('production'),
      apnsManageSandbox: this.apns.managementUrl('sandbox'),
      fcm: this.fcm.url,
      googleToken: this.fcm.tokenUrl,
      webPush: this.webPush.url,
      browserPush: this.webPush.browserUrl,
      windowsPush: this.webPush.windowsUrl,
      hms: this.hms.url,
      hmsToken: this.hms.tokenUrl,
      chrome: this.webPush.chrome.urls,
    }
  }

  /** What points a server at the stand-ins. The authority goes by file: write `caPem` and set ROOST_EXTRA_CA. */
  environment(): Record<string, string> {
    const { apnsProduction, apnsSandbox, fcm, googleToken, hms, hmsToken } = this.urls
    return {
      ROOST_APNS_PRODUCTION_URL: apnsProduction,
      ROOST_APNS_SANDBOX_URL: apnsSandbox,
      ROOST_FCM_URL: fcm,
      ROOST_GOOGLE_TOKEN_URL: googleToken,
      ROOST_HMS_URL: hms,
      ROOST_HMS_TOKEN_URL: hmsToken,
      ROOST_ALLOW_PRIVATE_ENDPOINTS: '1',
    }
  }

  counts(): Readonly<Record<GatewayName, GatewayCounts>> {
    return this.#tally.counts()
  }

  /** Acceptances of one message, by its hash (field `p`). */
  acceptedFor(hash: string): HashCounts {
    return this.#tally.acceptedFor(hash)
  }

  /** Requests for one message per token, refused ones included. */
  attemptsFor(hash: string): ReadonlyMap<string, number> {
    return this.#tally.attemptsFor(hash)
  }

  /** When its gateway first answered that this token is gone; undefined while it has not. */
  toldEnd(token: string): ToldEnd | undefined {
    return this.#tally.toldEnd(token)
  }

  /** Accepted pushes, the last ten thousand. */
  pushes(filter?: PushFilter): AcceptedPush[] {
    return this.#air.pushes(filter)
  }

  /** The first accepted push that matches, past or next. Rejects when the simulator closes. */
  waitForPush(filter?: PushFilter): Promise<AcceptedPush> {
    return this.#air.waitForPush(filter)
  }

  /** Calls `listener` for each push accepted for this token: the phone that holds it. */
  listen(token: string, listener: PushListener): void {
    this.#air.listen(token, listener)
  }

  leave(token: string): void {
    this.#air.leave(token)
  }

  /** Offline, a phone gets nothing; its gateway holds what its rules of storage allow. Phones begin online. */
  setOnline(token: string, isOnline: boolean): void {
    this.#air.setOnline(token, isOnline)
  }

  /** What a gateway holds for this token, oldest first. */
  held(token: string): AcceptedPush[] {
    return this.#air.held(token)
  }

  /** From now on the stand-ins' clocks differ from the passed-in one by this much; positive: they are ahead. */
  setClockOffset(ms: number): void {
    this.#time.offsetMs = ms
  }

  /** By the stand-ins' clocks. */
  now(): number {
    return this.#time.now()
  }

  async close(): Promise<void> {
    this.#air.close()
    await Promise.all([this.apns.close(), this.fcm.close(), this.webPush.close(), this.hms.close()])
  }
}
