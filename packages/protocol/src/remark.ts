/**
 * What is to be said of a message before it is sent, as a code with its values: whoever shows it writes the sentence in the reader's
 * own language. `text` says the same in English, for machines, and for whoever does not know the code.
 */
import { z } from 'zod'

/** Each with the names of its values. More may come. */
export const REMARKS = {
  // of a dry run
  nobody_reached: [],
  /** Of the part of a large base that was counted. */
  nobody_counted: [],
  /** So many of the audience can't be sent a push, and there is no inbox for them; `isAbout` is 1 of an estimate. */
  not_reached: ['devices', 'of', 'isAbout'],
  /** Of the route `online-only`: so many of the audience are not connected now. */
  not_connected: ['devices', 'of', 'isAbout'],
  credential_missing: ['gateway'],
  sample_lost: ['devices', 'looked'],
  // of an image
  image_refused_address: ['image', 'reason'],
  image_redirects: ['image', 'status'],
  image_status: ['image', 'status'],
  image_unknown_kind: ['image', 'contentType'],
  image_content_type: ['image', 'contentType'],
  image_too_large: ['image', 'bytes', 'limit'],
  image_large_for_android: ['image', 'bytes', 'limit'],
  image_slow: ['image', 'milliseconds'],
  image_not_loaded: ['image', 'reason'],
  images_too_many: ['count', 'limit'],
  // of a template; `line` and `column` count from 1
  template_brackets_open: ['written', 'line', 'column'],
  template_block_open: ['written', 'end', 'line', 'column'],
  template_tag_unknown: ['tag', 'line', 'column'],
  template_filter_unknown: ['filter', 'line', 'column'],
  template_too_long: ['limit'],
  template_unreadable: ['reason'],
  template_variable_unknown: ['variable'],
  template_object_shown: [],
  template_fails: ['gateway', 'language', 'reason'],
  // of a gateway; `language` is empty for all others
  payload_too_large: ['gateway', 'language', 'bytes', 'limit', 'biggest'],
  payload_refused: ['gateway', 'language', 'reason'],
} as const satisfies Record<string, readonly string[]>
export type RemarkCode = keyof typeof REMARKS

export const remarkSchema = z.object({
  code: z.enum(Object.keys(REMARKS) as [RemarkCode, ...RemarkCode[]]),
  /** In the body of the message: "content/languages/de/title"; null where it is about no field. */
  place: z.string().nullable(),
  /** Of an experiment. */
  variant: z.string().optional(),
  values: z.record(z.string(), z.union([z.string(), z.number()])),
  text: z.string(),
})
export type Remark = z.infer<typeof remarkSchema>
