/** One screen: ask for permission, log in and out, read the inbox. */
import type { InboxEntry, MobileStatus } from '@roost/sdk/react-native'
import { useEffect, useState } from 'react'
import { Button, FlatList, Text, View } from 'react-native'
import { roost } from './roost.ts'

export function App() {
  const [status, setStatus] = useState<MobileStatus>()
  const [entries, setEntries] = useState<readonly InboxEntry[]>([])
  useEffect(() => {
    roost.start().then(setStatus, console.warn)
  }, [])
  const look = async () => setEntries((await roost.inbox()).entries)

  return (
    <View>
      <Text>{status?.isSubscribed ? 'You get messages' : 'You get none'}</Text>
      <Button title="Get messages" onPress={() => void roost.subscribe().then(setStatus)} />
      <Button title="Get none" onPress={() => void roost.unsubscribe().then(setStatus)} />
      <Button title="Log in as Anna" onPress={() => void roost.setUser('anna')} />
      <Button title="Log out" onPress={() => void roost.setUser(undefined)} />
      <Button title="Look into the inbox" onPress={() => void look()} />
      <FlatList
        data={entries}
        keyExtractor={({ id }) => id}
        renderItem={({ item }) => (
          <Text onPress={() => void roost.markInbox(item.id, 'read')}>{item.title ?? item.body}</Text>
        )}
      />
    </View>
  )
}
