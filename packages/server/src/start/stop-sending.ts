import type { Logger } from 'pino'
import type { Senders } from '../credentials/senders.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'

/** Together with the requests in hand still below the 10 seconds. */
const SENDING_WITHIN_MS = 3000
const TOLD_AFTER_MS = 500

/**
 * Deliveries that are on their way to a gateway are waited for. After a while its connections are cut: what was not
 * sent is sent by the next start, what was is settled as uncertain.
 */
export async function stopSending(
  dispatcher: Dispatcher,
  senders: Senders,
  { logger, closeWithinMs }: { readonly logger: Logger; readonly closeWithinMs: number },
): Promise<void> {
  const told = setTimeout(() => logger.info('waiting for gateways to answer what was sent'), TOLD_AFTER_MS)
  const cut = setTimeout(
    () => {
      logger.warn('gateways have not answered; closing their connections')
      void senders.close()
    },
    Math.min(SENDING_WITHIN_MS, closeWithinMs),
  )
  try {
    await dispatcher.stop()
  } finally {
    clearTimeout(told)
    clearTimeout(cut)
  }
}
