/**
 * What is wrong with a credential, in words that a marketer can pass on to a developer: what the gateways' own words
 * mean, whose mistake it most likely is, and what mends it.
 * Source: Apple, "Handling notification responses from APNs"; Firebase, "ErrorCode"; Huawei, "Push Kit: Common result
 * codes".
 */
import type { CredentialCheck, CredentialProblemCode, CredentialProblemView } from '@roost/protocol'
import type { Pause } from './pauses.ts'

/** The reason of a pause that we make ourselves. */
export const CERTIFICATE_EXPIRED = 'certificate_expired'
/** What we stored can't be read any more. */
export const CONTENT_UNREADABLE = 'content_unreadable'

const DAY_MS = 24 * 60 * 60_000
/** Days before the end at which is warned, each once. */
const WARNING_DAYS = [30, 14, 7, 1] as const

export interface Meaning {
  /** `any`: of ours. */
  readonly gateway: string
  /** Of the gateway's own words. */
  readonly pattern: RegExp
  readonly code: CredentialProblemCode
  readonly message: string
  readonly remedy: string
}

const RENEW =
  'Create a new "Apple Push Notification service SSL" certificate on developer.apple.com and replace this one with it, or move to a .p8 key, which does not expire. Apps need no new release.'
const CHECK_P8 =
  'Compare keyId, teamId and bundleId with developer.apple.com (Keys; Membership; Identifiers), see that the key was not revoked, and replace the credential.'

/** What was concluded from the addresses themselves, in the words of dispatch/waves.ts. Checks can not see it. */
const OF_OTHERS: readonly Meaning[] = [
  {
    gateway: 'apns',
    pattern: /^DeviceTokenNotForTopic for every address/,
    code: 'apns_bundle_id_wrong',
    message:
      'The devices of this app have another bundle id than this credential. Apple takes the credential itself, so its checks are good; the devices stay, and messages wait.',
    remedy:
      'Replace the credential with the bundleId that the app has in Xcode (a .p8 key may be the same file), or with the certificate of that app.',
  },
  {
    gateway: 'apns',
    pattern: /^BadDeviceToken for every address/,
    code: 'apns_environment_wrong',
    message:
      'Apple knows none of the devices in the environment of this credential. The credential itself is good, so its checks are; the devices stay, and messages wait.',
    remedy:
      'Upload a credential for the other environment: builds that Xcode installs are sandbox, TestFlight and App Store are production. Or register the devices with the environment that they are of.',
  },
  {
    gateway: 'fcm',
    pattern: /^SENDER_ID_MISMATCH for every address/,
    code: 'fcm_project_wrong',
    message:
      'The devices of this app are of another Firebase project than this service account. Google takes the account itself, so its check is good; the devices stay, and messages wait.',
    remedy:
      'Replace it with a service account of the project that google-services.json of the app names (project_id).',
  },
  {
    gateway: 'webpush',
    pattern: /^vapid_key_mismatch for every address/,
    code: 'vapid_key_wrong',
    message:
      'The browsers have subscribed with another VAPID key than this one; only that one reaches them. The subscriptions stay, and messages wait.',
    remedy: 'Upload the pair with whose public key the site subscribes (applicationServerKey).',
  },
]

/** In the order in which they are tried. */
export const MEANINGS: readonly Meaning[] = [
  {
    gateway: 'any',
    pattern: new RegExp(`^${CONTENT_UNREADABLE}$`),
    code: CONTENT_UNREADABLE,
    message: 'What is stored of this credential can’t be used any more.',
    remedy: 'Upload it again.',
  },
  {
    gateway: 'apns',
    pattern: new RegExp(`^${CERTIFICATE_EXPIRED}$`),
    code: CERTIFICATE_EXPIRED,
    message: 'The certificate has expired; Apple takes no push with it. Messages wait.',
    remedy: RENEW,
  },
  {
    gateway: 'apns',
    pattern: /^InvalidProviderToken$/,
    code: 'apns_key_refused',
    message:
      'Apple refuses the key: it was revoked, or key id and team id do not belong to it, or the app is of another team.',
    remedy: CHECK_P8,
  },
  {
    gateway: 'apns',
    pattern: /^BadEnvironmentKeyI(dI)?nToken$/,
    code: 'apns_key_of_other_environment',
    message: 'The key was created for the other environment only.',
    remedy: 'Create a key for this environment on developer.apple.com and upload it beside this one.',
  },
  {
    gateway: 'apns',
    pattern: /^(TopicDisallowed|BadTopic|MissingTopic)$/,
    code: 'apns_topic_refused',
    message: 'Apple does not let this credential push to this bundle id.',
    remedy:
      'Compare bundleId with the app in Xcode; a key for certain topics, or the certificate of another app, serves only those.',
  },
  {
    gateway: 'apns',
    pattern: /^BadCertificateEnvironment$/,
    code: 'apns_certificate_of_other_environment',
    message: 'The certificate does not serve this environment.',
    remedy: 'Create a certificate for "Sandbox & Production" on developer.apple.com and upload it.',
  },
  {
    gateway: 'apns',
    pattern: /^BadCertificate$/,
    code: 'apns_certificate_refused',
    message: 'Apple refuses the certificate: it was revoked, or is not for push.',
    remedy: RENEW,
  },
  {
    gateway: 'apns',
    pattern: /^ExpiredProviderToken$/,
    code: 'clock_wrong',
    message:
      'Apple takes a token that was just signed for one that has expired: the clock of this server is wrong.',
    remedy: 'Set the clock of the server (NTP); the credential itself may be good.',
  },
  {
    gateway: 'apns',
    pattern: /^(Forbidden|MissingProviderToken)$/,
    code: 'apns_forbidden',
    message: 'Apple does not allow this key to push.',
    remedy: CHECK_P8,
  },
  {
    gateway: 'fcm',
    pattern: /SERVICE_DISABLED|has not been used in project|is disabled/i,
    code: 'fcm_api_disabled',
    message: 'The Firebase Cloud Messaging API (V1) is switched off in this project.',
    remedy: 'Switch it on: Firebase console → Project settings → Cloud Messaging.',
  },
  {
    gateway: 'fcm',
    pattern: /PERMISSION_DENIED|cloudmessaging\.messages\.create/,
    code: 'fcm_permission_missing',
    message: 'The service account may not send messages in this project.',
    remedy: 'Give it the role "Firebase Cloud Messaging API Admin" in Google Cloud console → IAM.',
  },
  {
    gateway: 'fcm',
    pattern: /invalid_grant/,
    code: 'fcm_key_refused',
    message:
      'Google refuses the key: it or its service account was deleted, or the clock of this server is minutes off.',
    remedy:
      'Generate a new private key in Firebase console → Project settings → Service accounts and replace this one; check the server’s clock.',
  },
  {
    gateway: 'fcm',
    pattern: /NOT_FOUND/,
    code: 'fcm_project_unknown',
    message: 'Google does not know the project that the file names.',
    remedy: 'Upload the service account of the Firebase project that the app is built with.',
  },
  {
    gateway: 'fcm',
    pattern: /THIRD_PARTY_AUTH_ERROR/,
    code: 'fcm_third_party_refused',
    message: 'The APNs key or web push key that Firebase holds is refused; Android is not concerned.',
    remedy: 'Replace it in Firebase console → Project settings → Cloud Messaging.',
  },
  {
    gateway: 'hms',
    pattern: /80300002/,
    code: 'hms_permission_missing',
    message: 'Huawei does not let this app send: Push Kit is off, or the app id is of another project.',
    remedy: 'Enable Push Kit in AppGallery Connect → My projects → Push Kit, and compare the app id.',
  },
  {
    gateway: 'hms',
    pattern: /./,
    code: 'hms_client_refused',
    message: 'Huawei refuses the client id and secret.',
    remedy:
      'Copy both again from AppGallery Connect → Project settings → App information → OAuth 2.0 client ID, and replace the credential.',
  },
  ...OF_OTHERS,
]

/** Of what a gateway said of a credential; `part` as pauses name it. */
export function explainRefusal(
  gateway: string,
  { part, reason }: { readonly part: string; readonly reason: string },
): CredentialProblemView {
  const [environment] = part.split(' ') // behind it may stand what of it is refused there: "production voip"
  const rest = { values: { part, reason }, ...(gateway === 'apns' && part !== '' && { environment }) }
  const where = part === '' ? '' : ` (${part})`
  const known = MEANINGS.find(it => [gateway, 'any'].includes(it.gateway) && it.pattern.test(reason))
  if (known !== undefined) {
    const { code, message, remedy } = known
    const said = code === reason ? '' : ` [${reason}]`
    return { code, severity: 'error', message: `${message}${where}${said}`, remedy, ...rest }
  }
  return {
    code: 'refused' satisfies CredentialProblemCode,
    severity: 'error',
    message: `The gateway refuses this credential${where}: ${reason}`,
    remedy: 'Upload it again as the vendor gave it; messages wait meanwhile.',
    ...rest,
  }
}

/** The warning that is due at so many days before the end; undefined while there is time, and when it has expired. */
export function warningDaysOf(expiresAt: number, at: number): number | undefined {
  if (expiresAt <= at) return undefined
  const daysLeft = (expiresAt - at) / DAY_MS
  return WARNING_DAYS.filter(days => daysLeft <= days).at(-1)
}

export interface Diagnosed {
  readonly gateway: string
  readonly environments: readonly string[]
  readonly expiresAt: string | null
  readonly pauses: readonly Refusal[]
  readonly checks: readonly CredentialCheck[]
}

type Refusal = Pick<Pause, 'part' | 'reason'>

/** All that is wrong with a credential at `at`, each fault once. A gateway that couldn't be asked is none. */
export function problemsOf(credential: Diagnosed, at: number): CredentialProblemView[] {
  const { gateway, expiresAt } = credential
  return [
    ...refusalsOf(credential, at).map(it => explainRefusal(gateway, it)),
    ...expiryWarning(expiresAt, at),
  ]
}

/** What is refused for the same reason in every environment is one fault of the whole. */
function refusalsOf({ environments, expiresAt, pauses, checks }: Diagnosed, at: number): Refusal[] {
  if (expiresAt !== null && Date.parse(expiresAt) <= at) return [{ part: '', reason: CERTIFICATE_EXPIRED }]
  const refused = checks.flatMap(it =>
    it.outcome === 'refused' ? [{ part: it.environment ?? '', reason: it.reason ?? 'refused' }] : [],
  )
  const partsOfReason = new Map<string, Set<string>>()
  for (const { part, reason } of [...pauses, ...refused])
    partsOfReason.set(reason, (partsOfReason.get(reason) ?? new Set()).add(part))
  return [...partsOfReason].flatMap(([reason, parts]) => {
    const isWhole = parts.has('') || (environments.length > 0 && environments.every(it => parts.has(it)))
    return (isWhole ? [''] : [...parts]).map(part => ({ part, reason }))
  })
}

function expiryWarning(expiresAt: string | null, at: number): CredentialProblemView[] {
  if (expiresAt === null || warningDaysOf(Date.parse(expiresAt), at) === undefined) return []
  const days = Math.ceil((Date.parse(expiresAt) - at) / DAY_MS)
  const when = days === 1 ? `within a day, at ${expiresAt}` : `in ${days} days, on ${expiresAt.slice(0, 10)}`
  return [
    {
      code: 'certificate_expiring' satisfies CredentialProblemCode,
      severity: 'warning',
      message: `The certificate expires ${when}.`,
      remedy: RENEW,
      values: { expiresAt, days },
    },
  ]
}
