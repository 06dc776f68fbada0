/** Google: projects, service accounts, registration tokens, quotas. */
import { count, flag, oneOf, optional, text } from '../fields.ts'
import { type Operation, operation } from '../operation.ts'

const TOKEN = { token: text('a registration token of this simulator') }
const PROJECT = { projectId: text() }
const ACCOUNT = { email: text("a service account's client_email") }
const THIRD_PARTY = { ...PROJECT, platform: oneOf('ios', 'web') }
const retryAfter = optional(text('seconds, an HTTP date, or "refill"'))

export const GOOGLE: readonly Operation[] = [
  operation('fcm.create-project', 'POST /fcm/projects', {
    summary: 'A project, with a service account that may send for it.',
    run: ({ simulator }) => simulator.fcm.createProject(),
  }),
  operation('fcm.issue-token', 'POST /fcm/tokens', {
    summary: 'A registration token that is alive.',
    fields: {
      ...PROJECT,
      kind: optional(oneOf('token', 'fid')),
      platform: optional(oneOf('android', 'ios', 'web')),
      packageName: optional(text()),
    },
    run: ({ simulator }, options) => ({ token: simulator.fcm.issueToken(options) }),
  }),
  operation('fcm.kill-token', 'POST /fcm/tokens/{token}/kill', {
    summary: 'The app is gone. `form` and `apnsReason` are for apps on iOS.',
    fields: {
      ...TOKEN,
      form: optional(oneOf('apns_disabled', 'unregistered')),
      apnsReason: optional(text()),
    },
    run: ({ simulator }, { token, ...options }) => simulator.fcm.killToken(token, options),
  }),
  operation('fcm.revive-token', 'POST /fcm/tokens/{token}/revive', {
    summary: 'As if it had never died, which does not happen to a registration token in real life.',
    fields: TOKEN,
    run: ({ simulator }, { token }) => simulator.fcm.reviveToken(token),
  }),
  operation('fcm.set-account', 'POST /fcm/accounts/{email}', {
    summary: 'Disables or enables a service account, and gives it or takes from it the right to send.',
    fields: { ...ACCOUNT, isEnabled: optional(flag()), mayMessage: optional(flag()) },
    run: ({ simulator }, { email, isEnabled, mayMessage }) => {
      const account = { client_email: email }
      if (isEnabled === true) simulator.fcm.enableServiceAccount(account)
      if (isEnabled === false) simulator.fcm.disableServiceAccount(account)
      if (mayMessage !== undefined) simulator.fcm.setPermission(account, mayMessage)
    },
  }),
  operation('fcm.delete-account', 'POST /fcm/accounts/{email}/delete', {
    summary: 'The service account is gone, and its access tokens with it.',
    fields: ACCOUNT,
    run: ({ simulator }, { email }) => simulator.fcm.deleteServiceAccount({ client_email: email }),
  }),
  operation('fcm.set-service', 'POST /fcm/projects/{projectId}/service', {
    summary: 'Switches the messaging API of the project on or off.',
    fields: { ...PROJECT, isEnabled: flag() },
    run: ({ simulator }, { projectId, isEnabled }) => simulator.fcm.setService(projectId, isEnabled),
  }),
  operation('fcm.fail-third-party', 'POST /fcm/projects/{projectId}/third-party/fail', {
    summary: 'The key that the project holds for Apple or for browsers is bad.',
    fields: { ...THIRD_PARTY, apnsReason: optional(text()) },
    run: ({ simulator }, options) => simulator.fcm.failThirdPartyAuth(options),
  }),
  operation('fcm.mend-third-party', 'POST /fcm/projects/{projectId}/third-party/mend', {
    summary: 'That key is good again.',
    fields: THIRD_PARTY,
    run: ({ simulator }, options) => simulator.fcm.mendThirdPartyAuth(options),
  }),
  operation('fcm.limit-messages', 'POST /fcm/quota', {
    summary: 'Messages a minute for a project; 600 000 when `perMinute` is absent.',
    fields: { ...PROJECT, perMinute: optional(count()), retryAfter },
    run: ({ simulator }, options) => simulator.fcm.limitMessages(options),
  }),
  operation('fcm.limit-devices', 'POST /fcm/device-quota', {
    summary: 'Messages for each Android device; what is absent is as Google documents it.',
    fields: {
      perMinute: optional(count()),
      perHour: optional(count()),
      collapsibleBurst: optional(count()),
      retryAfter,
    },
    run: ({ simulator }, options) => simulator.fcm.limitDevices(options),
  }),
  operation('fcm.limit-streams', 'POST /fcm/streams', {
    summary: 'A connection with more open streams is told to go away; without `max` none is.',
    fields: { max: optional(count(1)) },
    run: ({ simulator }, { max }) => simulator.fcm.limitStreams(max),
  }),
  operation('fcm.set-token-lifetime', 'POST /fcm/access-tokens', {
    summary: 'For access tokens given out from now on.',
    fields: { lifetimeSeconds: count(1) },
    run: ({ simulator }, { lifetimeSeconds }) => simulator.fcm.setAccessTokenLifetime(lifetimeSeconds),
  }),
]
