/** A tag or a field of devices, compared with a value. */
import { Autocomplete, Select } from '@mantine/core'
import type { Comparison, DeviceField, Operator, TagType } from '@roost/protocol'
import { type ReactElement, useMemo } from 'react'
import { useTexts } from '../../i18n/language.tsx'
import { useNames } from '../calls.ts'
import { FIELDS, operatorsFor, typeOf, type ValueType, withName, withOperator } from '../kinds.ts'
import css from '../segments.module.css'
import { WordPick } from '../word-pick.tsx'
import type { LeafProps } from './leaf-props.ts'
import { ValueFields } from './values.tsx'

export function useTagTypes(app: string): ReadonlyMap<string, TagType> {
  const { data } = useNames(app)
  return useMemo(() => new Map(data?.tags.map(({ name, type }) => [name, type])), [data])
}

export function ComparisonFields({ app, leaf, onLeaf }: LeafProps<Comparison>): ReactElement {
  const t = useTexts('segments')
  const names = useNames(app)
  const tagTypes = useTagTypes(app)
  const type = typeOf(leaf, tagTypes)
  return (
    <>
      {leaf.field === undefined ? (
        <Autocomplete
          size="xs"
          className={css.name}
          aria-label={t('tag.name')}
          placeholder={t('tag.name')}
          value={leaf.tag ?? ''}
          data={names.data?.tags.map(({ name }) => name) ?? []}
          limit={50}
          onChange={tag => onLeaf(withName(leaf, { tag }, tagTypes))}
        />
      ) : (
        <Select
          size="xs"
          className={css.name}
          aria-label={t('subject.field')}
          value={leaf.field}
          data={FIELDS.map(value => ({ value, label: t(`field.${value}`) }))}
          allowDeselect={false}
          searchable
          onChange={field => {
            if (field) onLeaf(withName(leaf, { field: field as DeviceField }, tagTypes))
          }}
        />
      )}
      <WordPick
        className={css.operator}
        label={t('operator')}
        value={leaf.op}
        words={operatorsFor(type, leaf.op).map(value => ({ value, label: operatorText(t, value, type) }))}
        onWord={op => onLeaf(withOperator(leaf, op))}
      />
      <ValueFields app={app} leaf={leaf} onLeaf={onLeaf} type={type} />
    </>
  )
}

type Texts = ReturnType<typeof useTexts<'segments'>>

export function operatorText(t: Texts, op: Operator, type: ValueType): string {
  return t.known(`op.${op}.${type}`) ?? t(`op.${op}`)
}
