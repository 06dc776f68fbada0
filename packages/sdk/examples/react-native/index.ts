import './roost.ts' // first: it takes pushes that start the app behind
import { AppRegistry } from 'react-native'
import { App } from './App.tsx'

AppRegistry.registerComponent('Example', () => App)
