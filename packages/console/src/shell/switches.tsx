/** Language, and light or dark. Both are kept in the browser. */
import { ActionIcon, Menu, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import type { ReactElement } from 'react'
import { useLanguage, useTexts } from '../i18n/language.tsx'
import { LOCALE_NAMES, LOCALES } from '../i18n/locale.ts'
import { Icon } from './icons.tsx'

export function LanguagePicker(): ReactElement {
  const t = useTexts('common')
  const { locale, choose } = useLanguage()
  const label = `${t('language.pick')}: ${LOCALE_NAMES[locale]}`
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Tooltip label={label}>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={label}>
            <Icon name="language" />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {LOCALES.map(each => (
          <Menu.Item
            key={each}
            lang={each}
            fw={each === locale ? 650 : undefined}
            aria-current={each === locale || undefined}
            onClick={() => void choose(each)}
          >
            {LOCALE_NAMES[each]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}

export function SchemeSwitch(): ReactElement {
  const t = useTexts('common')
  const { setColorScheme } = useMantineColorScheme()
  const isDark = useComputedColorScheme('light', { getInitialValueInEffect: false }) === 'dark'
  const label = isDark ? t('scheme.light') : t('scheme.dark')
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={label}
        onClick={() => setColorScheme(isDark ? 'light' : 'dark')}
      >
        <Icon name={isDark ? 'sun' : 'moon'} />
      </ActionIcon>
    </Tooltip>
  )
}
