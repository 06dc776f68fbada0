/** The names of what a condition asks for. */
import type { Condition, DeviceField } from '@roost/protocol'

export interface Names {
  readonly tags: Set<string>
  readonly segments: Set<string>
  readonly lists: Set<string>
  readonly messages: Set<string>
  /** Those of whose acceptances is asked. */
  readonly accepted: Set<string>
  readonly fields: Set<DeviceField>
}

/** Each once. */
export function namesIn(...conditions: readonly Condition[]): Names {
  const names = {
    tags: new Set<string>(),
    segments: new Set<string>(),
    lists: new Set<string>(),
    messages: new Set<string>(),
    accepted: new Set<string>(),
    fields: new Set<DeviceField>(),
  }
  for (const condition of conditions) collect(condition, names)
  return names
}

function collect(condition: Condition, names: Names): void {
  if ('and' in condition) for (const part of condition.and) collect(part, names)
  else if ('or' in condition) for (const part of condition.or) collect(part, names)
  else if ('not' in condition) collect(condition.not, names)
  else if ('segment' in condition) names.segments.add(condition.segment)
  else if ('list' in condition) names.lists.add(condition.list)
  else if ('message' in condition)
    (condition.was === 'accepted' ? names.accepted : names.messages).add(condition.message)
  else if ('op' in condition && condition.tag !== undefined) names.tags.add(condition.tag)
  else if ('op' in condition && condition.field !== undefined) names.fields.add(condition.field)
}
