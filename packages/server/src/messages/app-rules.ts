/** What an app asks of all its messages. */
import type { AppRules, AppRulesChange, MessageRules } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'

const NO_RULES: AppRules = { quietHours: null, cap: null, categories: [] }

export async function readAppRules(db: Queryable, appId: number): Promise<AppRules> {
  const { rows } = await db.query<{ rules: Partial<AppRules> }>(
    'select rules from app_rules where app_id = $1',
    [appId],
  )
  return { ...NO_RULES, ...rows[0]?.rules }
}

/** What is not named stays. */
export async function changeAppRules(
  db: Queryable,
  appId: number,
  change: AppRulesChange,
): Promise<AppRules> {
  await db.query(
    `insert into app_rules as r (app_id, rules) values ($1, $2)
     on conflict (app_id) do update set rules = r.rules || excluded.rules`,
    [appId, JSON.stringify(change)],
  )
  return readAppRules(db, appId)
}

/** A slip in the name of a category would send to all who have opted out of it. */
export async function findCategoryFault(
  db: Queryable,
  appId: number,
  rules: MessageRules | undefined,
): Promise<string | undefined> {
  if (rules?.category === undefined) return undefined
  const { categories } = await readAppRules(db, appId)
  if (categories.includes(rules.category)) return undefined
  const known = categories.length === 0 ? 'it has none' : `there are ${categories.join(', ')}`
  return `body/rules/category: the app has no category "${rules.category}"; ${known}`
}
