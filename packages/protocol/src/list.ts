/** Lists: ids of devices or users that somebody has brought along, for conditions to name. */
import { z } from 'zod'
import { HWID_CHARACTERS, USER_ID_CHARACTERS } from './limits.ts'

export const LIST_KINDS = ['devices', 'users'] as const
export type ListKind = (typeof LIST_KINDS)[number]

const name = z.string().min(1).max(200)
const ids = z.array(z.string().min(1).max(Math.max(HWID_CHARACTERS, USER_ID_CHARACTERS))).max(100_000)

export const newListSchema = z.strictObject({
  name,
  /** Whether the ids are hwids or user ids. */
  kind: z.enum(LIST_KINDS),
  /** All of them; without them the list is filled by POST …/lists/{id}/ids. */
  ids: ids.optional(),
})
export type NewList = z.infer<typeof newListSchema>

export const changedListSchema = z.strictObject({
  name: name.optional(),
  add: ids.optional(),
  remove: ids.optional(),
})
export type ChangedList = z.infer<typeof changedListSchema>

export const listSchema = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(LIST_KINDS),
  /** `loading`: its last part has not come yet, and no condition may name it. */
  state: z.enum(['loading', 'ready']),
  /** How many ids it has. */
  count: z.int(),
  createdAt: z.string(),
  updatedAt: z.string(),
})
export type ListView = z.infer<typeof listSchema>

export const addedSchema = z.object({
  list: listSchema,
  /** Ids in this call that the list did not have. */
  added: z.int(),
  /** Ids in this call that this app knows no device of, and the first hundred of them; GET …/unknown has all. */
  unknown: z.int(),
  unknownIds: z.array(z.string()),
  /** Lines that no id could be read from, and the first hundred of them. */
  refused: z.int(),
  refusals: z.array(z.object({ line: z.int(), detail: z.string() })),
})
export type AddedToList = z.infer<typeof addedSchema>
