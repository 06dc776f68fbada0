/**
 * A condition while it is edited: groups and rules with ids of their own, so that rows keep their place and focus while others come and go.
 *
 * A rule holds its leaf of the condition as it is, so nothing is lost between the two; what is written in other ways that mean
 * the same (a `not` of a `not`, a group of one at the top) comes back in the shorter one. Source: condition.ts of the protocol.
 */
import type {
  Comparison,
  Condition,
  EventCondition,
  ListCondition,
  MessageCondition,
  SegmentCondition,
} from '@roost/protocol'

export type Leaf = Comparison | EventCondition | MessageCondition | SegmentCondition | ListCondition
export type Join = 'and' | 'or'

export interface Group {
  readonly id: string
  readonly join: Join
  readonly isNot: boolean
  readonly parts: readonly Part[]
}

export interface Rule {
  readonly id: string
  readonly isNot: boolean
  readonly leaf: Leaf
}

export type Part = Group | Rule

/** As docs/segments.md has it; the root is the first. */
export const DEPTH_MAX = 12

let lastId = 0

function newId(): string {
  lastId += 1
  return `part-${lastId}`
}

export function isGroup(part: Part): part is Group {
  return 'parts' in part
}

export function newGroup(join: Join = 'and', parts: readonly Part[] = []): Group {
  return { id: newId(), join, isNot: false, parts }
}

export function newRule(leaf: Leaf): Rule {
  return { id: newId(), isNot: false, leaf }
}

// ── from and to a condition ───────────────────────────────────────────────────────────────────────────────────────────

/** The root is always a group, so that there is where to add. */
export function fromCondition(condition: Condition): Group {
  const part = partOf(condition)
  return isGroup(part) ? part : newGroup('and', [part])
}

function partOf(condition: Condition): Part {
  if ('not' in condition) {
    const inner = partOf(condition.not)
    return { ...inner, isNot: !inner.isNot }
  }
  if ('and' in condition) return newGroup('and', condition.and.map(partOf))
  if ('or' in condition) return newGroup('or', condition.or.map(partOf))
  return newRule(condition)
}

/** Undefined while a group is empty. */
export function toCondition(root: Group): Condition | undefined {
  const [only, second] = root.parts
  return only && !second && !root.isNot ? conditionOf(only) : conditionOf(root)
}

function conditionOf(part: Part): Condition | undefined {
  const inner = isGroup(part) ? combinationOf(part) : part.leaf
  return inner && part.isNot ? { not: inner } : inner
}

function combinationOf({ join, parts }: Group): Condition | undefined {
  const conditions = parts.map(conditionOf)
  if (conditions.length === 0 || conditions.includes(undefined)) return undefined
  const complete = conditions as Condition[]
  return join === 'and' ? { and: complete } : { or: complete }
}

/**
 * The id of what the server names as the place of a fault, as `and[1].not` or `and/1/not/value`; of what lies deeper the
 * nearest part around it. The same ways are taken as in `toCondition`.
 */
export function idAt(root: Group, place: string): string {
  const names = place.split(/[./[\]]+/).filter(name => name !== '')
  const [only, second] = root.parts
  const start: Part = only && !second && !root.isNot ? only : root
  return follow(start, names)
}

function follow(part: Part, names: readonly string[]): string {
  const [first, ...rest] = names[0] === 'not' ? names.slice(1) : names
  if (!isGroup(part) || first !== part.join) return part.id
  const next = part.parts[Number(rest[0])]
  return next ? follow(next, rest.slice(1)) : part.id
}

// ── changes, each gives a new tree ────────────────────────────────────────────────────────────────────────────────────

/** `change` gives undefined for what is taken out. */
function mapParts(group: Group, change: (part: Part) => readonly Part[]): Group {
  return {
    ...group,
    parts: group.parts.flatMap(change).map(part => (isGroup(part) ? mapParts(part, change) : part)),
  }
}

export function setRule(root: Group, id: string, given: Partial<Pick<Rule, 'isNot' | 'leaf'>>): Group {
  return mapParts(root, part => [part.id === id && !isGroup(part) ? { ...part, ...given } : part])
}

export function setGroup(root: Group, id: string, given: Partial<Pick<Group, 'isNot' | 'join'>>): Group {
  if (root.id === id) return { ...root, ...given }
  return mapParts(root, part => [part.id === id && isGroup(part) ? { ...part, ...given } : part])
}

export function add(root: Group, groupId: string, added: Part): Group {
  const append = (group: Group): Group => ({ ...group, parts: [...group.parts, added] })
  if (root.id === groupId) return append(root)
  return mapParts(root, part => [part.id === groupId && isGroup(part) ? append(part) : part])
}

export function remove(root: Group, id: string): Group {
  return mapParts(root, part => (part.id === id ? [] : [part]))
}

/** A group around it, for an alternative to it. */
export function wrap(root: Group, id: string): Group {
  // mapParts goes on into the new group, where the part is met again
  let isDone = false
  return mapParts(root, part => {
    if (part.id !== id || isDone) return [part]
    isDone = true
    return [newGroup('or', [part])]
  })
}

/**
 * One step in the order of reading: past a rule, into a group and out of it again. Undefined at the end of the way, and
 * where it would go too deep.
 */
export function move(root: Group, id: string, step: -1 | 1): Group | undefined {
  const found = placeOf(root, id)
  if (!found) return undefined
  const { group, parents, at } = found
  const moved = group.parts[at] as Part
  const neighbour = group.parts[at + step]
  const without = remove(root, id)
  if (neighbour && isGroup(neighbour)) {
    const depth = parents.length + 2
    if (depth + depthOf(moved) > DEPTH_MAX) return undefined
    return insert(without, neighbour.id, step > 0 ? 0 : neighbour.parts.length, moved)
  }
  if (neighbour) return insert(without, group.id, at + step, moved)
  const parent = parents.at(-1)
  if (!parent) return undefined
  const groupAt = parent.parts.findIndex(part => part.id === group.id)
  return insert(without, parent.id, step > 0 ? groupAt + 1 : groupAt, moved)
}

function insert(root: Group, groupId: string, at: number, part: Part): Group {
  const put = (group: Group): Group => ({ ...group, parts: group.parts.toSpliced(at, 0, part) })
  if (root.id === groupId) return put(root)
  return mapParts(root, each => [each.id === groupId && isGroup(each) ? put(each) : each])
}

interface Found {
  readonly group: Group
  /** From the root on, without the group itself. */
  readonly parents: readonly Group[]
  readonly at: number
}

function placeOf(group: Group, id: string, parents: readonly Group[] = []): Found | undefined {
  const at = group.parts.findIndex(part => part.id === id)
  if (at >= 0) return { group, parents, at }
  for (const part of group.parts) {
    const found = isGroup(part) ? placeOf(part, id, [...parents, group]) : undefined
    if (found) return found
  }
  return undefined
}

/** Of a rule 0, of a group one more than of what is in it. */
export function depthOf(part: Part): number {
  return isGroup(part) ? 1 + Math.max(0, ...part.parts.map(depthOf)) : 0
}

/** All rules, in the order of reading. */
export function rulesOf(part: Part): readonly Rule[] {
  return isGroup(part) ? part.parts.flatMap(rulesOf) : [part]
}

export function groupsOf(group: Group): readonly Group[] {
  return [group, ...group.parts.flatMap(part => (isGroup(part) ? groupsOf(part) : []))]
}
