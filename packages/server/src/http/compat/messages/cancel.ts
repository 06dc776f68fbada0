/**
 * POST /messaging/v2/cancel of the compatible protocol's newer messaging API: stops what has not been sent of a message.
 *
 * Source: the vendor's page "Messaging API v2, Cancel": `message_code` in, `{}` out; 400 for a message that is over. That a repeat is
 * answered like the first call is ours: whoever has heard nothing may ask again.
 */
import { PushError } from '@roost/protocol'
import { z } from 'zod'
import { findByCode } from '../../../messages/code.ts'
import { cancelMessage } from '../../../messages/control.ts'
import { check } from '../../faults.ts'
import type { BackEndContext } from '../back-end.ts'

const requestSchema = z.strictObject({ message_code: z.string().min(1).max(64) })

/** Throws `message_unknown`, `message_over`. */
export async function cancelByCode({ db, clock, apps }: BackEndContext, body: unknown): Promise<object> {
  const { message_code: code } = check(requestSchema, { value: body, separator: '.' })
  const found = await findByCode(db, code)
  if (found === null || !apps.has(found.appId))
    throw new PushError('message_unknown', `message_code: there is no message ${code}`)
  await cancelMessage(db, found, clock.now())
  return {}
}
