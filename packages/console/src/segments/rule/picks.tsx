/** A list of ids, or another segment. */
import { Select } from '@mantine/core'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../../i18n/language.tsx'
import { useLists, useSegments } from '../calls.ts'
import type { Choice } from '../kinds.ts'
import css from '../segments.module.css'
import type { LeafProps } from './leaf-props.ts'

export function ListPick({ app, leaf, onLeaf }: LeafProps<{ readonly list: string }>): ReactElement {
  const t = useTexts('segments')
  const format = useFormat()
  const { data = [] } = useLists(app)
  return (
    <Picked
      label={t('subject.list')}
      nothing={t('list.nothing')}
      value={leaf.list}
      data={data.map(({ id, name, count, state }) => ({
        value: id,
        label: `${name} (${format.count(count)})`,
        disabled: state === 'loading',
      }))}
      onValue={list => onLeaf({ list })}
    />
  )
}

export function SegmentPick({
  app,
  segment,
  leaf,
  onLeaf,
}: LeafProps<{ readonly segment: string }> & { readonly segment: string | undefined }): ReactElement {
  const t = useTexts('segments')
  const { data = [] } = useSegments(app)
  return (
    <Picked
      label={t('subject.segment')}
      nothing={t('segment.nothing')}
      value={leaf.segment}
      data={data.filter(({ id }) => id !== segment).map(({ id, name }) => ({ value: id, label: name }))}
      onValue={chosen => onLeaf({ segment: chosen })}
    />
  )
}

interface PickedProps {
  readonly label: string
  readonly nothing: string
  readonly value: string
  readonly data: readonly (Choice & { readonly disabled?: boolean })[]
  readonly onValue: (value: string) => void
}

function Picked({ label, nothing, value, data, onValue }: PickedProps): ReactElement {
  return (
    <Select
      size="xs"
      className={css.wide}
      aria-label={label}
      placeholder={label}
      value={value || null}
      data={[...data]}
      nothingFoundMessage={nothing}
      searchable
      allowDeselect={false}
      onChange={given => {
        if (given) onValue(given)
      }}
    />
  )
}
