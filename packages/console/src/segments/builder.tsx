/** The form of a condition: groups in groups, and in them rules. Everything is reached with the keyboard; a row that moves keeps its focus. */
import { ActionIcon, Button, Menu, Group as Row, Text } from '@mantine/core'
import { createContext, type ReactElement, useContext, useMemo } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { type Lack, lacksOf, newLeaf, SUBJECTS } from './kinds.ts'
import { RuleFields } from './rule/rule.tsx'
import css from './segments.module.css'
import {
  add,
  type Group,
  groupsOf,
  isGroup,
  type Join,
  move,
  newGroup,
  newRule,
  type Part,
  type Rule,
  remove,
  setGroup,
  setRule,
  wrap,
} from './tree.ts'
import { WordPick } from './word-pick.tsx'

export interface BuilderProps {
  readonly app: string
  /** The segment that is edited: it can't ask for itself. */
  readonly segment?: string | undefined
  readonly root: Group
  readonly onRoot: (root: Group) => void
  /** By the id of the part; what the server says of it. */
  readonly faults: ReadonlyMap<string, string>
  /** Whether what is missing is said already. */
  readonly hasLacksShown: boolean
}

interface Building {
  readonly app: string
  readonly segment: string | undefined
  readonly root: Group
  readonly onRoot: (root: Group) => void
  readonly faultOf: (id: string) => string | undefined
}

const BuildingContext = createContext<Building | undefined>(undefined)

function useBuilding(): Building {
  const building = useContext(BuildingContext)
  if (!building) throw new Error('This component stands outside the builder')
  return building
}

export function Builder({ app, segment, root, onRoot, faults, hasLacksShown }: BuilderProps): ReactElement {
  const t = useTexts('segments')
  const building = useMemo(() => {
    const lacks: ReadonlyMap<string, Lack> = hasLacksShown ? lacksOf(root) : new Map()
    const faultOf = (id: string): string | undefined => {
      const lack = lacks.get(id)
      return lack ? t(`lack.${lack}`) : faults.get(id)
    }
    return { app, segment, root, onRoot, faultOf }
  }, [app, segment, root, onRoot, faults, hasLacksShown, t])
  return (
    <BuildingContext value={building}>
      <GroupBox group={root} isRoot />
    </BuildingContext>
  )
}

function GroupBox({
  group,
  isRoot = false,
}: {
  readonly group: Group
  readonly isRoot?: boolean
}): ReactElement {
  const t = useTexts('segments')
  const { faultOf } = useBuilding()
  const fault = faultOf(group.id)
  return (
    <fieldset
      aria-label={t(`join.${joinName(group)}`)}
      className={css.group}
      data-root={isRoot || undefined}
      data-part={group.id}
    >
      <Row justify="space-between" wrap="nowrap" gap="xs">
        <JoinPick group={group} />
        {!isRoot && <PartActions part={group} />}
      </Row>
      <ol className={css.parts}>
        {group.parts.map((part, at) => (
          <li key={part.id} className={css.part}>
            {at > 0 && (
              <span className={css.between} aria-hidden>
                {t(`between.${group.join}`)}
              </span>
            )}
            {isGroup(part) ? <GroupBox group={part} /> : <RuleRow rule={part} />}
          </li>
        ))}
      </ol>
      {fault && <Fault text={fault} />}
      <AddButtons group={group} />
    </fieldset>
  )
}

type JoinName = 'all' | 'any' | 'notAll' | 'none'

const JOINS: Readonly<Record<JoinName, { readonly join: Join; readonly isNot: boolean }>> = {
  all: { join: 'and', isNot: false },
  any: { join: 'or', isNot: false },
  none: { join: 'or', isNot: true },
  notAll: { join: 'and', isNot: true },
}

export function joinName({ join, isNot }: Pick<Group, 'join' | 'isNot'>): JoinName {
  if (join === 'and') return isNot ? 'notAll' : 'all'
  return isNot ? 'none' : 'any'
}

function JoinPick({ group }: { readonly group: Group }): ReactElement {
  const t = useTexts('segments')
  const { root, onRoot } = useBuilding()
  return (
    <WordPick
      label={t('join')}
      className={css.join}
      value={joinName(group)}
      words={(Object.keys(JOINS) as JoinName[]).map(value => ({ value, label: t(`join.${value}`) }))}
      onWord={name => onRoot(setGroup(root, group.id, JOINS[name]))}
    />
  )
}

function RuleRow({ rule }: { readonly rule: Rule }): ReactElement {
  const t = useTexts('segments')
  const { app, segment, root, onRoot, faultOf } = useBuilding()
  const fault = faultOf(rule.id)
  return (
    <fieldset
      aria-label={t('rule')}
      className={css.rule}
      data-part={rule.id}
      data-fault={fault ? true : undefined}
    >
      <div className={css.ruleRow}>
        <div className={css.fields}>
          <RuleFields
            app={app}
            segment={segment}
            rule={rule}
            onRule={given => onRoot(setRule(root, rule.id, given))}
          />
        </div>
        <PartActions part={rule} />
      </div>
      {fault && <Fault text={fault} />}
    </fieldset>
  )
}

function Fault({ text }: { readonly text: string }): ReactElement {
  return (
    <Text size="xs" c="red" role="alert" mt={4} style={{ overflowWrap: 'anywhere' }}>
      {text}
    </Text>
  )
}

/** Up and down go into groups and out of them, so a row gets to every place. */
function PartActions({ part }: { readonly part: Part }): ReactElement {
  const t = useTexts('segments')
  const { root, onRoot } = useBuilding()
  const step = (by: -1 | 1, mark: string, label: string): ReactElement => {
    const moved = move(root, part.id, by)
    return (
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={label}
        // a button that is disabled would lose the focus at the end of the way
        aria-disabled={moved ? undefined : true}
        data-move={by}
        onClick={() => {
          if (!moved) return
          onRoot(moved)
          focusLater(part.id, `[data-move="${by}"]`)
        }}
      >
        {mark}
      </ActionIcon>
    )
  }
  return (
    <Row gap={2} wrap="nowrap" className={css.actions}>
      {step(-1, '↑', t('move.up'))}
      {step(1, '↓', t('move.down'))}
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={t('part.more')}>
            ⋯
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {!isGroup(part) && (
            <Menu.Item onClick={() => onRoot(setRule(root, part.id, { isNot: !part.isNot }))}>
              {part.isNot ? t('not.remove') : t('not.add')}
            </Menu.Item>
          )}
          <Menu.Item onClick={() => onRoot(wrap(root, part.id))}>{t('part.wrap')}</Menu.Item>
          <Menu.Divider />
          <Menu.Item color="red" onClick={() => onRoot(remove(root, part.id))}>
            {isGroup(part) ? t('group.remove') : t('rule.remove')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Row>
  )
}

function AddButtons({ group }: { readonly group: Group }): ReactElement {
  const t = useTexts('segments')
  const { root, onRoot } = useBuilding()
  const append = (part: Part): void => {
    onRoot(add(root, group.id, part))
    focusLater(part.id, 'input:not([type=hidden])')
  }
  const isDeep = groupsOf(root).length > 60
  return (
    <Row gap="xs" mt="xs">
      <Menu position="bottom-start">
        <Menu.Target>
          <Button size="xs" variant="light">
            {t('rule.add')}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {SUBJECTS.map(subject => (
            <Menu.Item key={subject} onClick={() => append(newRule(newLeaf(subject)))}>
              {t(`subject.${subject}`)}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <Button
        size="xs"
        variant="subtle"
        disabled={isDeep}
        onClick={() => {
          const inner = newGroup(group.join === 'and' ? 'or' : 'and', [newRule(newLeaf('tag'))])
          append(inner)
        }}
      >
        {t('group.add')}
      </Button>
    </Row>
  )
}

/** After the new tree has been drawn, and after a menu has given the focus back. */
function focusLater(id: string, selector: string): void {
  requestAnimationFrame(() => {
    requestAnimationFrame(() => {
      document.querySelector<HTMLElement>(`[data-part="${id}"] ${selector}`)?.focus()
    })
  })
}
