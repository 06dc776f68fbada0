/**
 * What this example uses beside the libraries whose published types are checked: AsyncStorage comes with 50 MB of native code, the others add a
 * global and no types.
 */
declare module '@react-native-async-storage/async-storage' {
  const AsyncStorage: {
    getItem(key: string): Promise<string | null>
    setItem(key: string, value: string): Promise<void>
    removeItem(key: string): Promise<void>
  }
  export default AsyncStorage
}

declare module 'react-native-get-random-values' {}

declare const __DEV__: boolean
