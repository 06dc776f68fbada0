/** Faults of messages that are made later: where they stand in what makes them, and what is told of one that comes up then. */
import { PushError } from '@roost/protocol'

/** A message that is part of a schedule or trigger has its places below `message`. */
export function inMessage(fault: PushError): PushError {
  const remarks = fault.remarks.map(it => ({ ...it, place: it.place && `message/${it.place}` }))
  return new PushError(fault.code, fault.message.replace(/\bbody\//, 'body/message/'), {
    cause: fault,
    remarks,
  })
}

/** Of an error that is no sender's, only that there is one: its words are for the log. */
export function wordsOf(error: unknown): string {
  return error instanceof PushError
    ? `${error.code}: ${error.message}`
    : 'internal: it could not be made; the log of the server that sends says why'
}
