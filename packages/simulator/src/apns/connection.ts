/**
 * What the stand-in remembers of one connection: who it belongs to, how many streams it may have, how often it erred.
 *
 * One stream until a credential was good, then as many as the settings say. A certificate is known from the handshake
 * on, a provider token with the first push.
 */
import type { GatewayConnection } from '../gateway/listener.ts'
import type { IssuedCertificate } from './certificates.ts'
import type { BoundConnection, TokenBinding } from './provider-token.ts'
import type { ApnsRefusal } from './refusals.ts'
import type { ApnsSettings } from './settings.ts'
import type { ApnsEnvironment } from './team-keys.ts'

export const STREAMS_BEFORE_CREDENTIAL = 1
const DEFAULT_BAD_TOKEN_WEIGHT = 3

export class ApnsConnection implements BoundConnection {
  readonly environment: ApnsEnvironment
  /** The peer showed a certificate: provider tokens are ignored. */
  readonly hasCertificate: boolean
  /** Undefined without one, and for one that was not issued here. */
  readonly certificate: IssuedCertificate | undefined
  binding: TokenBinding | undefined = undefined
  readonly #connection: GatewayConnection
  #isProven = false
  #streams = STREAMS_BEFORE_CREDENTIAL
  #errors = 0

  constructor(
    connection: GatewayConnection,
    environment: ApnsEnvironment,
    certificate: IssuedCertificate | undefined,
  ) {
    this.environment = environment
    this.hasCertificate = connection.certificateFingerprint !== undefined
    this.certificate = certificate
    this.#connection = connection
  }

  /** A credential was good. */
  prove(settings: ApnsSettings): void {
    if (this.#isProven) return
    this.#isProven = true
    this.#allow(settings.streams)
  }

  /** The settings have changed. */
  resize(settings: ApnsSettings): void {
    if (this.#isProven) this.#allow(settings.streams)
  }

  succeed(settings: ApnsSettings, random: () => number): void {
    const { streams, dropsStreams, lowersStreams } = settings
    if (lowersStreams.share > 0 && random() < lowersStreams.share)
      this.#allow(lowersStreams.min + Math.floor(random() * (streams - lowersStreams.min + 1)))
    else if (dropsStreams && this.#streams === 1) this.#allow(streams)
  }

  /** Counts a refusal; too many, and the peer is told to go away once this request is answered. */
  fail(refusal: ApnsRefusal, status: number, settings: ApnsSettings): void {
    const { dropsStreams, errorLimit } = settings
    if (dropsStreams && this.#isProven) this.#allow(1)
    // Apple says so of 410; what is 5xx is no fault of the sender's.
    if (errorLimit === undefined || status === 410 || status >= 500) return
    const { badDeviceTokenWeight = DEFAULT_BAD_TOKEN_WEIGHT, errors } = errorLimit
    this.#errors += refusal.reason === 'BadDeviceToken' ? badDeviceTokenWeight : 1
    if (this.#errors >= errors && !this.#connection.isLeaving)
      this.#connection.goAway({ reason: refusal.reason })
  }

  #allow(streams: number): void {
    if (streams === this.#streams) return
    this.#streams = streams
    this.#connection.allowStreams(streams)
  }
}
