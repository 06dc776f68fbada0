/** Huawei: apps, secrets, rights, push tokens, the rate. */
import { count, flag, oneOf, optional, text } from '../fields.ts'
import { type Operation, operation } from '../operation.ts'

const APP = { appId: text() }
const TOKEN = { token: text('a push token of this simulator') }

export const HUAWEI: readonly Operation[] = [
  operation('hms.create-app', 'POST /hms/apps', {
    summary: 'An app with its secret and every right.',
    run: ({ simulator }) => simulator.hms.createApp(),
  }),
  operation('hms.replace-secret', 'POST /hms/apps/{appId}/secret', {
    summary: 'A new secret; the old one is refused from now on.',
    fields: APP,
    run: ({ simulator }, { appId }) => ({ clientSecret: simulator.hms.replaceSecret(appId) }),
  }),
  operation('hms.set-right', 'POST /hms/apps/{appId}/rights', {
    summary: 'Gives the app a right, or takes it.',
    fields: { ...APP, right: oneOf('send', 'high_priority'), isGranted: flag() },
    run: ({ simulator }, { appId, right, isGranted }) => simulator.hms.setRight(appId, right, isGranted),
  }),
  operation('hms.limit-rate', 'POST /hms/apps/{appId}/rate', {
    summary: 'Above it the app is answered with 503; 3000 at first.',
    fields: { ...APP, tokensPerSecond: count() },
    run: ({ simulator }, options) => simulator.hms.limitRate(options),
  }),
  operation('hms.issue-token', 'POST /hms/tokens', {
    summary: 'A push token that is alive.',
    fields: APP,
    run: ({ simulator }, options) => ({ token: simulator.hms.issueToken(options) }),
  }),
  operation('hms.kill-token', 'POST /hms/tokens/{token}/kill', {
    summary: 'The app is gone; Huawei calls the token illegal.',
    fields: TOKEN,
    run: ({ simulator }, { token }) => simulator.hms.killToken(token),
  }),
  operation('hms.revive-token', 'POST /hms/tokens/{token}/revive', {
    summary: 'As if it had never died.',
    fields: TOKEN,
    run: ({ simulator }, { token }) => simulator.hms.reviveToken(token),
  }),
  operation('hms.set-token-lifetime', 'POST /hms/access-tokens', {
    summary: 'For access tokens given out from now on.',
    fields: { lifetimeSeconds: optional(count(1)) },
    run: ({ simulator }, { lifetimeSeconds = 3600 }) => simulator.hms.setAccessTokenLifetime(lifetimeSeconds),
  }),
]
