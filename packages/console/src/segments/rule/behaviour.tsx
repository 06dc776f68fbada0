/** What devices did: events, and what became of messages. */
import { Autocomplete, NumberInput, Select } from '@mantine/core'
import type { EventCondition, MessageCondition } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../../i18n/language.tsx'
import { useMessageNames, useNames } from '../calls.ts'
import type { Choice } from '../kinds.ts'
import css from '../segments.module.css'
import type { LeafProps } from './leaf-props.ts'

export function EventFields({ app, leaf, onLeaf }: LeafProps<EventCondition>): ReactElement {
  const t = useTexts('segments')
  const names = useNames(app)
  const { atLeast: _, ...ever } = leaf
  return (
    <>
      <Autocomplete
        size="xs"
        className={css.name}
        aria-label={t('event.name')}
        placeholder={t('event.name')}
        value={leaf.event}
        data={names.data?.events.map(({ name }) => name) ?? []}
        limit={50}
        onChange={event => onLeaf({ ...leaf, event })}
      />
      <NumberInput
        size="xs"
        className={css.times}
        aria-label={t('event.atLeast')}
        prefix={t('event.atLeast.prefix')}
        value={leaf.atLeast ?? 1}
        min={1}
        max={1_000_000}
        allowDecimal={false}
        clampBehavior="strict"
        onChange={given =>
          onLeaf(typeof given === 'number' && given > 1 ? { ...leaf, atLeast: given } : ever)
        }
      />
      <Within leaf={leaf} onLeaf={onLeaf} max={90} />
    </>
  )
}

/** Empty: ever. */
function Within<L extends EventCondition | MessageCondition>({
  leaf,
  onLeaf,
  max,
}: {
  readonly leaf: L
  readonly onLeaf: (leaf: L) => void
  readonly max: number
}): ReactElement {
  const t = useTexts('segments')
  return (
    <NumberInput
      size="xs"
      className={css.within}
      aria-label={t('within')}
      placeholder={t('within.ever')}
      prefix={t('within.prefix')}
      suffix={t('within.suffix')}
      value={leaf.withinDays ?? ''}
      min={0}
      max={max}
      allowDecimal={false}
      allowNegative={false}
      clampBehavior="strict"
      hideControls
      onChange={given => {
        const { withinDays: _, ...ever } = leaf
        onLeaf((typeof given === 'number' ? { ...ever, withinDays: given } : ever) as L)
      }}
    />
  )
}

export function MessageFields({ app, leaf, onLeaf }: LeafProps<MessageCondition>): ReactElement {
  const t = useTexts('segments')
  const format = useFormat()
  const { data = [] } = useMessageNames(app)
  const options: Choice[] = [
    { value: 'any', label: t('message.any') },
    ...data.map(({ id, title, createdAt }) => ({
      value: id,
      label: `${title ?? t('message.untitled')} · ${format.day(createdAt)}`,
    })),
  ]
  const isKnown = options.some(({ value }) => value === leaf.message)
  const fates: readonly MessageCondition['was'][] =
    leaf.message === 'any' ? ['received', 'opened'] : ['accepted', 'received', 'opened']
  return (
    <>
      <Select
        size="xs"
        className={css.operator}
        aria-label={t('message.was')}
        value={leaf.was}
        data={fates.map(value => ({ value, label: t(`was.${value}`) }))}
        allowDeselect={false}
        onChange={was => {
          if (was) onLeaf({ ...leaf, was: was as MessageCondition['was'] })
        }}
      />
      <Select
        size="xs"
        className={css.wide}
        aria-label={t('subject.message')}
        value={leaf.message}
        data={
          isKnown
            ? options
            : [...options, { value: leaf.message, label: t('message.older', { id: leaf.message.slice(-6) }) }]
        }
        allowDeselect={false}
        searchable
        onChange={message => {
          if (!message) return
          const was = message === 'any' && leaf.was === 'accepted' ? 'received' : leaf.was
          onLeaf({ ...leaf, message, was })
        }}
      />
      <Within leaf={leaf} onLeaf={onLeaf} max={3650} />
    </>
  )
}
