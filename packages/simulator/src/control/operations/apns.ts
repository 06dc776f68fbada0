/** Apple: keys, certificates, device tokens, and manners. */
import { count, duration, flag, list, moment, object, oneOf, optional, share, text } from '../fields.ts'
import { type Operation, operation } from '../operation.ts'

const environment = oneOf('production', 'sandbox')
const kind = oneOf(
  'alert',
  'voip',
  'complication',
  'fileprovider',
  'mdm',
  'location',
  'liveactivity',
  'pushtostart',
  'pushtotalk',
  'widgets',
  'controls',
)
const TOKEN = { token: text('a device token of this simulator') }

export const APNS: readonly Operation[] = [
  operation('apns.issue-token', 'POST /apns/tokens', {
    summary: 'A device token that is alive.',
    fields: { bundleId: text(), environment: optional(environment), kind: optional(kind) },
    run: ({ simulator }, options) => ({ token: simulator.apns.issueToken(options) }),
  }),
  operation('apns.kill-token', 'POST /apns/tokens/{token}/kill', {
    summary:
      'The app is gone: 410 from now on, or once `acceptedUntil` is over; `since` is what the 410 tells.',
    fields: {
      ...TOKEN,
      since: optional(moment()),
      acceptedUntil: optional(moment()),
      reason: optional(oneOf('Unregistered', 'ExpiredToken')),
      hasTimestamp: optional(flag()),
    },
    run: ({ simulator }, { token, ...options }) => simulator.apns.killToken(token, options),
  }),
  operation('apns.revive-token', 'POST /apns/tokens/{token}/revive', {
    summary: 'The app obtained the same token again.',
    fields: TOKEN,
    run: ({ simulator }, { token }) => simulator.apns.reviveToken(token),
  }),
  operation('apns.create-key', 'POST /apns/keys', {
    summary: 'A signing key, with the bundle id given to its team.',
    fields: {
      bundleId: text(),
      teamId: optional(text()),
      environments: optional(list(environment)),
      bundleIds: optional(list(text())),
    },
    run: ({ simulator }, options) => simulator.apns.createTeamKey(options),
  }),
  operation('apns.revoke-key', 'POST /apns/keys/{keyId}/revoke', {
    summary: 'From now on its tokens are InvalidProviderToken, on open connections too.',
    fields: { keyId: text() },
    run: ({ simulator }, { keyId }) => simulator.apns.revokeKey(keyId),
  }),
  operation('apns.create-certificate', 'POST /apns/certificates', {
    summary: 'A push certificate with its key, in PEM; with a password as a .p12 as well (base64).',
    fields: {
      bundleId: text(),
      environments: optional(list(environment)),
      topics: optional(list(text())),
      voip: optional(flag()),
      expiresAt: optional(moment()),
      p12Password: optional(text()),
    },
    run: ({ simulator }, options) => simulator.apns.createCertificate(options),
  }),
  operation('apns.revoke-certificate', 'POST /apns/certificates/revoke', {
    summary: 'New connections are turned away, requests on open ones are 403 BadCertificate.',
    fields: { fingerprint: text() },
    run: ({ simulator }, certificate) => simulator.apns.revokeCertificate(certificate),
  }),
  operation('apns.configure', 'POST /apns/settings', {
    summary: 'Manners that Apple does not publish; what is not named stays as it is.',
    fields: {
      streams: optional(count(1)),
      dropsStreams: optional(flag()),
      lowersStreams: optional(object({ share: share(), min: count(1) })),
      deviceLimit: optional(object({ pushes: count(), windowMs: count(1) })),
      errorLimit: optional(object({ errors: count(1), badDeviceTokenWeight: optional(count()) })),
      fuzzyDeath: optional(object({ minDelayMs: duration(), maxDelayMs: duration() })),
      refusesCertificates: optional(oneOf('goaway', 'reset', 'answer')),
    },
    run: ({ simulator }, settings) => simulator.apns.configure(settings),
  }),
  operation('apns.unlimit', 'POST /apns/settings/reset', {
    summary: 'No limit for devices and errors, and a dead token is 410 at once.',
    run: ({ simulator }) =>
      simulator.apns.configure({ deviceLimit: undefined, errorLimit: undefined, fuzzyDeath: undefined }),
  }),
  operation('apns.end-connections', 'POST /apns/goaway', {
    summary: 'GOAWAY to every open connection, now.',
    fields: { reason: optional(text()), code: optional(count()), lastStreamId: optional(count()) },
    run: ({ simulator }, { lastStreamId, ...goAway }) =>
      simulator.apns.endConnections(goAway, lastStreamId === undefined ? {} : { lastStreamId }),
  }),
]
