/** The page before the console: a card in the middle, with the language and the colours above it. */
import { Center, Group, Text, Title } from '@mantine/core'
import type { ReactElement, ReactNode } from 'react'
import logo from '../roost.svg'
import { LanguagePicker, SchemeSwitch } from '../shell/switches.tsx'
import css from './session.module.css'

export interface EntranceProps {
  readonly title?: string
  readonly about?: ReactNode
  readonly children: ReactNode
}

export function Entrance({ title, about, children }: EntranceProps): ReactElement {
  return (
    <div className={css.entrance}>
      <header className={css.top}>
        <Group gap={9}>
          <img src={logo} alt="" width={26} height={26} />
          <Text fw={700} span>
            Roost
          </Text>
        </Group>
        <Group gap={4}>
          <LanguagePicker />
          <SchemeSwitch />
        </Group>
      </header>
      <Center component="main" className={css.middle}>
        <div className={css.card}>
          {title && (
            <div className={css.head}>
              <Title order={1} size="h3">
                {title}
              </Title>
              {about && (
                <Text size="sm" c="dimmed" mt={4} component="div">
                  {about}
                </Text>
              )}
            </div>
          )}
          {children}
        </div>
      </Center>
    </div>
  )
}
