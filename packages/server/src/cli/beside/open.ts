/** The database for a command, without the server around it. Faults in what was asked for are told in two lines. */
import { ERRORS, PushError } from '@roost/protocol'
import { AppDirectory } from '../../access/apps.ts'
import { readConfig, unknownSettings } from '../../config.ts'
import type { Seal } from '../../credentials/seal.ts'
import { openJobs } from '../../start/jobs.ts'
import type { Database } from '../../store/database.ts'
import { StartError } from '../../store/folder.ts'
import { tellUnknown } from '../unknown-settings.ts'

export interface Opened {
  readonly db: Database
  readonly seal: Seal
  readonly appId: number
  readonly allowPrivateEndpoints: boolean
}

/** Closes what it opened, whatever comes of `work`. */
export async function withApp<T>(code: string, work: (opened: Opened) => Promise<T>): Promise<T> {
  tellUnknown(unknownSettings(process.env))
  const config = readConfig(process.env)
  const { context, close } = await openJobs(config)
  try {
    const { id: appId } = await new AppDirectory(context.db).find(code)
    const { allowPrivateEndpoints } = config
    return await work({ db: context.db, seal: context.webhooks.seal, appId, allowPrivateEndpoints })
  } catch (error) {
    if (error instanceof PushError) throw new StartError(error.message, remedyOf(error))
    throw error
  } finally {
    await close()
  }
}

/** The remedies of the API speak of the fields of an answer, which a terminal has not. */
function remedyOf({ code }: PushError): string {
  return code === 'input_invalid'
    ? 'Correct what is named here; docs/import.md has the forms.'
    : ERRORS[code].remedy
}
