/**
 * Diagnosis: why a device can't be reached, or why it did not get a message. Each rule looks at one cause; what it found is told
 * with its evidence, who can mend it, and how sure it is.
 */
import { z } from 'zod'
import { HWID_CHARACTERS, USER_ID_CHARACTERS } from './limits.ts'
import { traceSchema } from './trace.ts'

/** docs/diagnosis.md tells of each what it is answered from. Those of calls (DX-90 to DX-94) are none yet. */
export const RULE_IDS = [
  ...['DX-01', 'DX-02', 'DX-03', 'DX-04', 'DX-05', 'DX-06', 'DX-07', 'DX-08', 'DX-09', 'DX-10'],
  ...['DX-11', 'DX-12', 'DX-13', 'DX-14'],
  ...['DX-20', 'DX-21', 'DX-22', 'DX-23', 'DX-24', 'DX-25', 'DX-26', 'DX-27', 'DX-28', 'DX-29', 'DX-30'],
  ...['DX-31', 'DX-32', 'DX-33', 'DX-34', 'DX-35', 'DX-36', 'DX-37', 'DX-38', 'DX-39', 'DX-40', 'DX-41'],
  ...['DX-42', 'DX-43', 'DX-44'],
  ...['DX-45', 'DX-46', 'DX-47', 'DX-48', 'DX-49', 'DX-50', 'DX-51', 'DX-52'],
  ...['DX-55', 'DX-56', 'DX-57', 'DX-58', 'DX-59'],
  ...['DX-61', 'DX-62', 'DX-63', 'DX-64', 'DX-65', 'DX-66', 'DX-67'],
  ...['DX-70', 'DX-71', 'DX-72', 'DX-73'],
  ...['DX-80', 'DX-81', 'DX-82', 'DX-83', 'DX-84', 'DX-85', 'DX-86', 'DX-87', 'DX-88', 'DX-89'],
] as const satisfies readonly string[]
export type RuleId = (typeof RULE_IDS)[number]

/**
 * `proven`: what is on record leaves no doubt. `likely`: it fits what is on record, and little else does. `possible`: no server can
 * see it. `ruled_out`: what is on record disproves it.
 */
export const FINDING_VERDICTS = ['proven', 'likely', 'possible', 'ruled_out'] as const
export type FindingVerdict = (typeof FINDING_VERDICTS)[number]

/** How far a message comes. What a rule finds keeps it from coming to the stage. */
export const STAGES = [
  'targeted',
  'eligible',
  'policy',
  'rendered',
  'queued',
  'requested',
  'accepted',
  'received',
  'displayed',
  'opened',
] as const
export type Stage = (typeof STAGES)[number]

/**
 * `blocks`: nothing arrives. `delays`: it arrives later. `mutes`: it arrives, and less of it is seen or heard, or it is not
 * counted. `warns`: nothing is wrong yet.
 */
export const EFFECTS = ['blocks', 'delays', 'mutes', 'warns'] as const
export type Effect = (typeof EFFECTS)[number]

/** Who can mend it: whoever runs Roost or sends, whoever makes the app, whoever holds the phone. */
export const MENDERS = ['operator', 'developer', 'user', 'nobody'] as const
export type Mender = (typeof MENDERS)[number]

/** What shows that it is mended. */
export const NEXT_TESTS = [
  'send_test',
  'check_credential',
  'compute_segment',
  'open_app',
  'diagnose_again',
] as const
export type NextTest = (typeof NEXT_TESTS)[number]

export const EVIDENCE_SOURCES = [
  'app',
  'credential',
  'message',
  'audience',
  'segment',
  'device',
  'address',
  'ledger',
  'delivery',
  'receipt',
  'queue',
] as const
export type EvidenceSource = (typeof EVIDENCE_SOURCES)[number]

const value = z.union([z.string(), z.number(), z.boolean(), z.null()])

export const evidenceSchema = z.object({
  source: z.enum(EVIDENCE_SOURCES),
  /** When it was so, or was told; null: it is so now. */
  at: z.string().nullable(),
  data: z.record(z.string(), value),
})
export type Evidence = z.infer<typeof evidenceSchema>

/**
 * A text cut at its times: strings as they stand, and moments (ISO 8601) for whoever shows it to write as his reader does, on the reader's
 * own clock.
 */
export const piecesSchema = z.array(z.union([z.string(), z.object({ at: z.string() })]))
export type Pieces = readonly (string | { readonly at: string })[]

/**
 * A text of the catalogue: its key, what is put into it, and the text in the language that was asked for, with times in UTC. `pieces`
 * is the same with its times apart.
 */
const saidSchema = z.object({
  key: z.string(),
  parameters: z.record(z.string(), z.union([z.string(), z.number()])),
  text: z.string(),
  pieces: piecesSchema,
})

export const findingSchema = z.object({
  rule: z.enum(RULE_IDS),
  verdict: z.enum(FINDING_VERDICTS).exclude(['ruled_out']),
  stage: z.enum(STAGES),
  effect: z.enum(EFFECTS),
  message: saidSchema,
  evidence: z.array(evidenceSchema),
  remedy: z.object({
    who: z.enum(MENDERS),
    steps: z.array(z.object({ key: z.string(), text: z.string() })),
  }),
  nextTest: z.enum(NEXT_TESTS).nullable(),
})
export type FindingView = z.infer<typeof findingSchema>

/**
 * Of a device now: `could_receive` or `could_not`. Of a message: what became of it for this device, in the words of its trace, and
 * once a gateway has accepted it as far as the device has told.
 */
export const DIAGNOSIS_OUTCOMES = [
  'could_receive',
  'could_not',
  'pending',
  'waiting',
  'not_sent',
  'dead',
  'failed',
  'skipped',
  'uncertain',
  'unknown',
  'accepted',
  'delivered',
  'opened',
] as const
export type DiagnosisOutcome = (typeof DIAGNOSIS_OUTCOMES)[number]

export const deviceDiagnosisSchema = z.object({
  hwid: z.string(),
  platform: z.string().nullable(),
  userId: z.string().nullable(),
  outcome: z.enum(DIAGNOSIS_OUTCOMES),
  /** Proven ones first, of these what blocks first; then in the order in which a message passes the stages. */
  findings: z.array(findingSchema),
  ruledOut: z.array(z.enum(RULE_IDS)),
  /** What no server can see of it, and what is therefore in no finding. */
  unseen: z.array(z.object({ key: z.string(), text: z.string() })),
  /** Of the message; null where none was asked for. */
  trace: traceSchema.nullable(),
})
export type DeviceDiagnosis = z.infer<typeof deviceDiagnosisSchema>

/** Longer than any gateway's; an endpoint may be longer than a token. */
const TOKEN_CHARACTERS = 4096

const ofDiagnosis = {
  /** Why it did not get this message; absent: whether it could receive one now. */
  message: z.uuid().toLowerCase().optional(),
  /** Of the texts, as in "pt-BR". Default: what Accept-Language asks for, else English. */
  lang: z.string().min(2).max(35).optional(),
}

/** One device, by its hwid or the whole of its token, or all devices of a user. */
export const diagnosisRequestSchema = z.union([
  z.strictObject({ device: z.string().min(1).max(HWID_CHARACTERS), ...ofDiagnosis }),
  z.strictObject({ token: z.string().min(1).max(TOKEN_CHARACTERS), ...ofDiagnosis }),
  z.strictObject({ user: z.string().min(1).max(USER_ID_CHARACTERS), ...ofDiagnosis }),
])
export type DiagnosisRequest = z.infer<typeof diagnosisRequestSchema>

export const diagnosisSchema = z.object({
  /** When it was asked. */
  at: z.string(),
  /** The language of the texts. */
  lang: z.string(),
  /** Null where none was asked for. */
  messageId: z.string().nullable(),
  /** What each rule that is named here is about, in a few words. */
  titles: z.partialRecord(z.enum(RULE_IDS), z.string()),
  /** What concerns no device that is known: it is none of this app. */
  findings: z.array(findingSchema),
  /** The one that was seen last first; the newest 20 of a user. */
  devices: z.array(deviceDiagnosisSchema),
})
export type DiagnosisView = z.infer<typeof diagnosisSchema>
