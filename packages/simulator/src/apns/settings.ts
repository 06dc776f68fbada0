/**
 * What of Apple's behaviour is a matter of degree: each is off, or as gentle as Apple mostly is, until it is asked for.
 *
 * Apple publishes none of these thresholds. Source: Apple, "Sending notification requests to APNs" (streams vary with
 * load), "Handling notification responses from APNs" (4xx slow a sender down, too many end the connection,
 * TooManyRequests); what implementers saw on the wire.
 */
import type { FuzzyDeath } from './device-tokens.ts'

export interface ApnsSettings {
  /** Streams at once after the first good credential; default 1000. */
  readonly streams: number
  /** A refused push drops the limit to 1, the next accepted one restores it; default false. */
  readonly dropsStreams: boolean
  /** With this probability an accepted push moves the limit to a number drawn from `min` to `streams`; default 0. */
  readonly lowersStreams: { readonly share: number; readonly min: number }
  /** Pushes to one device token in a window, then 429; default undefined, no limit. */
  readonly deviceLimit: { readonly pushes: number; readonly windowMs: number } | undefined
  /**
   * Refusals on one connection until it is told to go away; default undefined, never. 410 and 5xx are not counted,
   * BadDeviceToken as often as its weight says (default 3).
   */
  readonly errorLimit: { readonly errors: number; readonly badDeviceTokenWeight?: number } | undefined
  /** Default undefined: a killed token is 410 at once. */
  readonly fuzzyDeath: FuzzyDeath | undefined
  /** How a certificate that is no good here is turned away; default `goaway`. */
  readonly refusesCertificates: CertificateRefusal
}

/**
 * `goaway`: GOAWAY NO_ERROR of stream 0 with the reason, as Apple was mostly seen to do. `reset`: TCP is reset as the
 * handshake ends, as a failing handshake looks to a client of TLS 1.3. `answer`: 403 to each request.
 */
export type CertificateRefusal = 'goaway' | 'reset' | 'answer'

export const DEFAULT_SETTINGS: ApnsSettings = {
  streams: 1000,
  dropsStreams: false,
  lowersStreams: { share: 0, min: 1 },
  deviceLimit: undefined,
  errorLimit: undefined,
  fuzzyDeath: undefined,
  refusesCertificates: 'goaway',
}
