/**
 * What needs which version of the SDK or of the extension that receives pushes, and on which platforms. The least versions are the app's to set, since SDKs
 * are many; until it does, any version that a device tells will do.
 *
 * Apple: images, and receipts of what comes, need a notification service extension ("Modifying content in newly delivered notifications").
 */
import type { Feature, IntegrationPatch, Platform } from '@roost/protocol'
import { PLATFORMS } from '@roost/protocol'
import type { Database, Queryable } from '../../store/database.ts'

export interface FeatureNeed {
  readonly by: 'sdkVersion' | 'extensionVersion'
  readonly platforms: readonly Platform[]
  readonly remedy: string
}

const EXTENSION =
  'Add the notification service extension to the app, or update it; on devices without it the text is shown all the same.'

export const FEATURE_NEEDS: Readonly<Record<Feature, FeatureNeed>> = {
  push: {
    by: 'sdkVersion',
    platforms: PLATFORMS,
    remedy: 'Release the app with a newer SDK, and ask people to update it.',
  },
  rich_push: { by: 'extensionVersion', platforms: ['ios', 'macos'], remedy: EXTENSION },
  receipts: { by: 'extensionVersion', platforms: ['ios', 'macos'], remedy: EXTENSION },
}

export type Minimums = ReadonlyMap<string, string>

export async function readMinimums(db: Queryable, appId: number): Promise<Minimums> {
  const { rows } = await db.query<{ feature: string; version: string }>(
    'select feature, version from feature_minimum where app_id = $1',
    [appId],
  )
  return new Map(rows.map(it => [it.feature, it.version]))
}

export async function setMinimums(
  db: Database,
  appId: number,
  { minimums }: IntegrationPatch,
): Promise<void> {
  const changes = Object.entries(minimums).filter(([, version]) => version !== undefined)
  await db.transaction(async tx => {
    for (const [feature, version] of changes)
      if (version === null)
        await tx.query('delete from feature_minimum where app_id = $1 and feature = $2', [appId, feature])
      else
        await tx.query(
          `insert into feature_minimum (app_id, feature, version) values ($1, $2, $3)
           on conflict (app_id, feature) do update set version = excluded.version`,
          [appId, feature, version],
        )
  })
}

/** Number by number; a text that is no version is older than any. */
export function isAtLeast(version: string, minimum: string): boolean {
  const [have, need] = [partsOf(version), partsOf(minimum)]
  for (let i = 0; i < Math.max(have.length, need.length); i++) {
    const difference = (have[i] ?? 0) - (need[i] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return have.length > 0
}

/** Of what begins with a version: "2.3.1-beta" is 2.3.1. */
function partsOf(version: string): number[] {
  return /^\d+(\.\d+)*/.exec(version)?.[0].split('.').map(Number) ?? []
}
