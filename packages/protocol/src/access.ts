/**
 * Who may do what: set-up, sessions of people, roles, API tokens and the audit log. docs/access.md tells of it.
 *
 *   GET    /v1/setup                     200 `setupStateSchema`; without a token: whether there is an owner yet
 *   POST   /v1/setup                     201 `meSchema` and the cookie; `setupSchema` with the code that the server prints, or with a server token
 *   POST   /v1/session                   201 `meSchema` and the cookie; 401 `sign_in_refused`; 401 `one_time_code_missing` asks for the second factor
 *   DELETE /v1/session                   204; signed out, whether or not there was a session
 *   POST   /v1/join/look                 200 `joinViewSchema`: what a link invites to
 *   POST   /v1/join                      201 `meSchema` and the cookie; with a session, the role is added to whoever is signed in
 *   GET    /v1/me                        200 `meSchema`, for people and for tokens
 *   PUT    /v1/me/password               200 `meSchema` and a new cookie; all sessions before it are over
 *   GET    /v1/me/sessions               200 `sessionListSchema`
 *   DELETE /v1/me/sessions               204; ends all others
 *   DELETE /v1/me/sessions/{session}     204
 *   POST   /v1/me/second-factor          201 `begunFactorSchema`: a secret for the authenticator; nothing is asked for yet
 *   PUT    /v1/me/second-factor          200 `recoveryCodesSchema`, told once; from now on a code is asked for
 *   POST   /v1/me/second-factor/off      204
 *
 * The following are served twice: below /v1 for the whole installation, below /v1/apps/{app} for one app.
 *
 *   GET    …/members                     200 `memberListSchema`
 *   PUT    …/members/{person}            200 `memberSchema`; `roleChangeSchema`
 *   DELETE …/members/{person}            204; of an app the role alone, of the installation the person
 *   GET    …/member-invitations          200 `memberInvitationListSchema`
 *   POST   …/member-invitations          201 `madeMemberInvitationSchema`, the link told once
 *   DELETE …/member-invitations/{id}     204
 *   GET    …/tokens                      200 `apiTokenListSchema`
 *   POST   …/tokens                      201 `madeApiTokenSchema`, the token told once
 *   DELETE …/tokens/{id}                 204; it is refused from now on, by all servers
 *   GET    …/audit                       200 `auditPageSchema`, the newest first
 *
 * With a cookie, calls that change something are taken from pages of the server's own origin alone (403 `origin_refused`). A cookie
 * that is over is 401 `session_over`; what a role does not allow is 403 `not_allowed`; an app without a role is 404 `app_unknown`.
 */
import { z } from 'zod'

/** What a call needs, and what an API token may be given: its scopes. */
export const RIGHTS = ['read', 'send', 'devices', 'manage', 'access'] as const
/**
 * `read`: look at everything. `send`: messages, schedules, triggers, test pushes. `devices`: devices, users and test
 * devices. `manage`: all other settings of an app. `access`: members and tokens.
 */
export type Right = (typeof RIGHTS)[number]

export const ROLES_OF_PEOPLE = ['owner', 'editor', 'viewer'] as const
export type PersonRole = (typeof ROLES_OF_PEOPLE)[number]

/** What a role allows. */
export const RIGHTS_OF: Readonly<Record<PersonRole, readonly Right[]>> = {
  owner: RIGHTS,
  editor: ['read', 'send', 'devices', 'manage'],
  viewer: ['read'],
}

export const PASSWORD_CHARACTERS_MIN = 12
export const PASSWORD_CHARACTERS_MAX = 256
export const PERSON_NAME_CHARACTERS = 64
/** A session that nobody used for so long is over. */
export const SESSION_IDLE_DAYS = 7
/** And however much it was used, after so long. */
export const SESSION_DAYS_MAX = 30
export const MEMBER_INVITATION_DAYS = 7
export const AUDIT_DAYS = 366

/** Whoever signs in may write it with other capitals. */
const personName = z.string().trim().min(1).max(PERSON_NAME_CHARACTERS)
/** Any; `password_weak` refuses those that are guessed first. */
const newPassword = z.string().min(PASSWORD_CHARACTERS_MIN).max(PASSWORD_CHARACTERS_MAX)
const password = z.string().min(1).max(PASSWORD_CHARACTERS_MAX)
/** Six digits of the authenticator, or a recovery code. */
const oneTimeCode = z.string().trim().min(6).max(32)

export const setupStateSchema = z.object({
  /** There is an owner: sign in. */
  isDone: z.boolean(),
})

export const setupSchema = z.strictObject({
  name: personName,
  password: newPassword,
  /** As the server prints it at its start, or `roost access setup-code`; not needed with a server token. */
  setupCode: z.string().trim().max(64).optional(),
})

export const signInSchema = z.strictObject({
  name: personName,
  password,
  /** Where a second factor is on. */
  oneTimeCode: oneTimeCode.optional(),
})

/** What somebody may do, in one app or in all of them. */
export const grantSchema = z.object({
  /** Code of the app; null: every app, and the installation itself. */
  app: z.string().nullable(),
  /** Null of a token, which has scopes instead. */
  role: z.enum(ROLES_OF_PEOPLE).nullable(),
  rights: z.array(z.enum(RIGHTS)),
})
export type Grant = z.infer<typeof grantSchema>

export const meSchema = z.object({
  /** Null for a token. */
  person: z
    .object({
      id: z.int(),
      name: z.string(),
      createdAt: z.string(),
      hasSecondFactor: z.boolean(),
      /** Those that are left. */
      recoveryCodes: z.int(),
    })
    .nullable(),
  /** Null for a person. */
  token: z.object({ id: z.int(), name: z.string() }).nullable(),
  /** A button that needs a right is shown where one of these has it. */
  grants: z.array(grantSchema),
})
export type Me = z.infer<typeof meSchema>

export const passwordChangeSchema = z.strictObject({ currentPassword: password, newPassword })

export const sessionSchema = z.object({
  id: z.string(),
  createdAt: z.string(),
  /** To five minutes. */
  seenAt: z.string(),
  /** Address of the client that signed in. */
  client: z.string(),
  /** What its browser calls itself. */
  agent: z.string().nullable(),
  /** The one that asks. */
  isThis: z.boolean(),
})
export type SessionView = z.infer<typeof sessionSchema>
export const sessionListSchema = z.object({ sessions: z.array(sessionSchema) })

export const factorRequestSchema = z.strictObject({ password })
export const begunFactorSchema = z.object({
  /** Base32, to type in. */
  secret: z.string(),
  /** otpauth://…, what the QR code says. */
  uri: z.string(),
  /** The QR code of `uri`, an SVG. */
  qr: z.string(),
})
export type BegunFactor = z.infer<typeof begunFactorSchema>
export const factorProofSchema = z.strictObject({ oneTimeCode })
/** Each works once, in place of a code of the authenticator. */
export const recoveryCodesSchema = z.object({ recoveryCodes: z.array(z.string()) })
export const factorRemovalSchema = z.strictObject({ password, oneTimeCode })

const personRole = z.enum(ROLES_OF_PEOPLE)

export const memberSchema = z.object({
  /** Of the person. */
  id: z.int(),
  name: z.string(),
  hasSecondFactor: z.boolean(),
  /** In this app, or in the installation; null: none here. */
  role: personRole.nullable(),
  /** Counts in every app, where it is the greater of the two. */
  installationRole: personRole.nullable(),
  createdAt: z.string(),
  /** The last use of any session. */
  seenAt: z.string().nullable(),
})
export type MemberView = z.infer<typeof memberSchema>
export const memberListSchema = z.object({ members: z.array(memberSchema) })
/** Whom it renames signs in with the new name from then on. */
export const renameSchema = z.strictObject({ name: personName })
/** Null takes the role away; the person stays. */
export const roleChangeSchema = z.strictObject({ role: personRole.nullable() })

export const newMemberInvitationSchema = z.strictObject({
  role: personRole,
  /** For whom it is, for the list. */
  note: z.string().trim().max(128).optional(),
})
export const memberInvitationSchema = z.object({
  id: z.string(),
  role: personRole,
  note: z.string().nullable(),
  invitedBy: z.string(),
  createdAt: z.string(),
  expiresAt: z.string(),
})
export type MemberInvitationView = z.infer<typeof memberInvitationSchema>
export const memberInvitationListSchema = z.object({ invitations: z.array(memberInvitationSchema) })
/** `link` ends with #join=<code>; whoever opens it first takes it. */
export const madeMemberInvitationSchema = memberInvitationSchema.extend({
  code: z.string(),
  link: z.string(),
})

const joinCode = z.string().min(1).max(64)
export const joinLookSchema = z.strictObject({ code: joinCode })
export const joinViewSchema = z.object({
  /** Name of the app; null: the whole installation. */
  app: z.string().nullable(),
  role: personRole,
  invitedBy: z.string(),
  expiresAt: z.string(),
})
/** Without name and password by whoever is signed in. */
export const joinSchema = z.strictObject({
  code: joinCode,
  name: personName.optional(),
  password: newPassword.optional(),
})

export const TOKEN_KINDS = ['server', 'device'] as const

export const newApiTokenSchema = z.strictObject({
  /** `device` tokens are of an app: they serve the device API. Default `server`. */
  kind: z.enum(TOKEN_KINDS).default('server'),
  name: z.string().trim().min(1).max(128),
  /** Of a server token; all of them when absent. */
  scopes: z.array(z.enum(RIGHTS)).min(1).max(RIGHTS.length).optional(),
})
export const apiTokenSchema = z.object({
  id: z.int(),
  kind: z.enum(TOKEN_KINDS),
  name: z.string(),
  /** Code of the app that it is confined to; null: every app. */
  app: z.string().nullable(),
  scopes: z.array(z.enum(RIGHTS)),
  /** Its first characters; null of those that were made before they were kept. */
  prefix: z.string().nullable(),
  madeBy: z.string().nullable(),
  createdAt: z.string(),
  /** To a minute; of device tokens to an hour. */
  usedAt: z.string().nullable(),
})
export type ApiTokenView = z.infer<typeof apiTokenSchema>
export const apiTokenListSchema = z.object({ tokens: z.array(apiTokenSchema) })
export const madeApiTokenSchema = apiTokenSchema.extend({ token: z.string() })

export const auditEntrySchema = z.object({
  /** Its place; `after` goes on behind it. */
  id: z.string(),
  at: z.string(),
  /** Code of the app; null: the installation. */
  app: z.string().nullable(),
  /** Name of the person or of the token, as it was then. */
  by: z.string(),
  personId: z.int().nullable(),
  tokenId: z.int().nullable(),
  sessionId: z.string().nullable(),
  /** Method and path as the API page has them: `PATCH /v1/apps/{app}/rules`. */
  what: z.string(),
  /** Ids in the path besides the app's; never those of devices and users. */
  subject: z.string().nullable(),
  /** In few words; null where nobody noted it. */
  before: z.string().nullable(),
  after: z.string().nullable(),
})
export type AuditEntry = z.infer<typeof auditEntrySchema>

/** Of a person or a token, as the database numbers them. */
const numberSchema = z.coerce.number().int().min(1).max(2_147_483_647)

export const auditQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  after: z
    .string()
    .regex(/^\d{1,15}$/, 'it must be what an answer has as "next"')
    .optional(),
  person: numberSchema.optional(),
  token: numberSchema.optional(),
  /** A part of `what`, as `/credentials`. */
  what: z.string().min(1).max(128).optional(),
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
})
export type AuditQuery = z.infer<typeof auditQuerySchema>

export const auditPageSchema = z.object({
  entries: z.array(auditEntrySchema),
  /** For `after`; null at the end. */
  next: z.string().nullable(),
})
