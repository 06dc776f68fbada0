/** Sends from this machine, with neither a server nor a database. */
import { ERRORS, type NewPushTest, PushError, type PushTestResult } from '@roost/protocol'
import type { Config } from '../../config.ts'
import { readGivenAddress } from '../../push-test/address.ts'
import { readGivenCredential } from '../../push-test/credential.ts'
import { runPushTest } from '../../push-test/run.ts'
import { StartError } from '../../store/folder.ts'
import { systemClock } from '../../time.ts'

/** Throws StartError for what whoever asks can mend. */
export async function runFromFiles(input: NewPushTest, config: Config): Promise<PushTestResult> {
  const { credential, address, notification, validateOnly } = input
  if ('id' in credential || 'hwid' in address)
    throw new StartError(
      'a stored credential and a device are known to a server only',
      'Name the --app, too.',
    )
  const { inline } = credential
  if (validateOnly && inline.gateway !== 'fcm' && inline.gateway !== 'hms')
    throw new StartError(
      `--validate-only: ${inline.gateway} can't check without delivering`,
      'Leave it out, or send with --silent to an app that shows nothing then.',
    )
  try {
    const tested = readGivenCredential(inline, systemClock.now())
    const given = readGivenAddress(address, inline.gateway)
    return await runPushTest(
      { tested, address: given, notification, validateOnly },
      {
        clock: systemClock,
        urls: config.gatewayUrls,
        extraCa: config.extraCa,
        allowPrivateEndpoints: config.allowPrivateEndpoints,
      },
    )
  } catch (error) {
    if (!(error instanceof PushError)) throw error
    throw new StartError(error.message, ERRORS[error.code].remedy)
  }
}
